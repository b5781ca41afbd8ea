import OobleckValues

/// Lower bounds of the makespan of 1F1B (cost model `schedule`) from single stages.
///
/// A stage with W forward passes ahead, P the work and handovers before it there and back, and A
/// those after it, takes at least
///
///     P + m w + max(0, A - W F) + max(0, A - W B)
///
/// of m microbatches: A passes between its first forward and its first backward pass, in which it
/// does W other forward passes, and again A between its last forward and its last backward pass, in
/// which it does W backward passes. With handovers, rounds through the pipeline may be slower than
/// any stage: S microbatches each from the first stage on, W + 1 each from this stage on.
/// After r and q of them, the stage still takes
///
///     r (T + all handovers) + P + q (w + A) + (m - r S - q (W + 1)) w + max(A, W B).
///
/// For one device a node, P, A and W depend on the stage alone; else the least P and A and the most
/// W make a bound. The bound of a division is its greatest stage's, and the least such of all
/// divisions of the first layers is found by dynamic programming.
struct ScheduleBounds {
    private let costs: StageCosts
    private let stages: SearchStages
    private let nodes: Int
    private let microbatches: Int
    private let devices: Int
    private let leastWork: ScheduleLeastWork
    let hasHandovers: Bool
    /// T and all handovers, at least.
    private let total: Double
    private let mostStages: Int
    /// The least bound by devices used and count of layers.
    private var front: [Double]
    /// The same without the maxima with 0, which grows with every delay of the stages behind, among
    /// the divisions left by ``tighten(below:)``.
    private var strict: [Double]
    /// The stages left by ``tighten(below:)``, by strict bound descending, with the least F and B up
    /// to there.
    private var critical: [(bound: Double, forward: Double, backward: Double)] = []

    init(costs: StageCosts, stages: SearchStages, nodes: Int, microbatches: Int) {
        self.costs = costs
        self.stages = stages
        self.nodes = nodes
        self.microbatches = microbatches
        devices = nodes * stages.devicesPerNode
        let count = stages.layerCount
        leastWork = ScheduleLeastWork(costs: costs, stages: stages, devices: devices)
        hasHandovers = (0...count).contains { costs.handover(before: $0) != .free }
        total = leastWork.before(devices, count)
        mostStages = min(devices, count)
        front = [Double](repeating: .infinity, count: (devices + 1) * (count + 1))
        strict = front
        fill()
    }

    /// What no division stays below.
    var least: Double { front[devices * (stages.layerCount + 1) + stages.layerCount] }

    /// A lower bound of all divisions that begin with these devices and layers, if one of the
    /// stages so far is the slowest.
    func least(_ devicesUsed: Int, _ end: Int) -> Double {
        strict[devicesUsed * (stages.layerCount + 1) + end]
    }

    /// The same before last stages, by the delay that these cause for a stage with at least the
    /// given pass times; `way` is the handover to them, there and back.
    func least(
        _ devicesUsed: Int,
        _ end: Int,
        delays: (_ passes: (forward: Double, backward: Double), _ way: Double) -> Double
    ) -> Double {
        let bound = least(devicesUsed, end)
        guard bound < .infinity else { return bound }
        let way = costs.handover(before: end, devicesUsed: devicesUsed).thereAndBack
        return bound + delays(leastPasses(bound), way)
    }

    /// A division whose greatest bound is the least there is; its memory is not checked.
    func division() -> [SearchChoice]? {
        let stride = stages.layerCount + 1
        var division: [SearchChoice] = []
        var (end, used) = (stages.layerCount, devices)
        guard front[used * stride + end] < .infinity else { return nil }
        while used > 0 {
            let choice = last(used, end)
            division.append(SearchChoice(end: end, widthIndex: choice.widthIndex))
            end = choice.first
            used -= stages.widths[choice.widthIndex]
        }
        return division.reversed()
    }

    /// The last stage that gives the least bound of the first layers.
    private func last(_ used: Int, _ end: Int) -> (first: Int, widthIndex: Int) {
        let stride = stages.layerCount + 1
        for (widthIndex, width) in stages.widths.enumerated() where width <= room(used) {
            for first in (0..<end).reversed() {
                let reached = front[(used - width) * stride + first]
                guard reached < .infinity else { continue }
                let own = bound(stage(first..<end, width, used))
                if max(reached, own) == front[used * stride + end] { return (first, widthIndex) }
            }
        }
        preconditionFailure("every finite bound comes from a stage")
    }

    /// Devices that the node of the last stage has for it.
    private func room(_ devicesUsed: Int) -> Int {
        let filled = devicesUsed % stages.devicesPerNode
        return filled == 0 ? stages.devicesPerNode : filled
    }

    /// A stage that is the last of the first `used` devices.
    private func stage(_ layers: Range<Int>, _ width: Int, _ used: Int) -> Stage {
        let count = stages.layerCount
        let devicesLeft = devices - used
        return Stage(
            forward: costs.forward(layers, devices: width).value,
            backward: costs.backward(layers, devices: width).value,
            before: leastWork.before(used - width, layers.lowerBound),
            after: leastWork.after(devicesLeft, layers.upperBound),
            most: min(devicesLeft, count - layers.upperBound),
            fewest: (devicesLeft + stages.devicesPerNode - 1) / stages.devicesPerNode
        )
    }

    /// The least work and handovers before a stage from `first` on, there and back.
    func before(_ devicesUsed: Int, _ first: Int) -> Double {
        leastWork.before(devicesUsed, first)
    }

    /// One stage and what is known of those around it.
    struct Stage {
        var forward: Double
        var backward: Double
        /// The work and handovers before and behind it.
        var before: Double
        var after: Double
        /// No more stages come behind it; no fewer do.
        var most: Int
        var fewest: Int
    }

    /// What the stage takes at least.
    func bound(_ stage: Stage) -> Double {
        let work = stage.forward + stage.backward
        let wait = stage.after - Double(stage.most) * stage.forward
        let waitBack = stage.after - Double(stage.most) * stage.backward
        let steady = stage.before + Double(microbatches) * work
        let bound = steady + max(0, wait) + max(0, waitBack)
        return hasHandovers ? max(bound, roundsBound(stage)) : bound
    }

    /// The least F and B of the stages whose strict bound is at least so much.
    private func leastPasses(_ bound: Double) -> (forward: Double, backward: Double) {
        var (low, high) = (0, critical.count)
        while low < high {
            let middle = (low + high) / 2
            if critical[middle].bound >= bound { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? (0, 0) : (critical[low - 1].forward, critical[low - 1].backward)
    }

    /// Leaves only divisions all of whose bounds are below the limit, also with what a stage delays
    /// those before it.
    ///
    /// O(D L^2 log G) as the bounds themselves.
    mutating func tighten(below limit: Double) {
        let stride = stages.layerCount + 1
        let isOpen = completable(below: limit)
        strict = [Double](repeating: .infinity, count: front.count)
        strict[0] = 0
        critical = []
        for used in Swift.stride(from: 1, through: devices, by: 1) {
            for width in stages.widths where width <= room(used) {
                for first in 0..<stages.layerCount {
                    let from = (used - width) * stride + first
                    guard strict[from] < .infinity else { continue }
                    for end in (first + 1)...stages.layerCount where isOpen[used * stride + end] {
                        let stage = stage(first..<end, width, used)
                        guard bound(stage) < limit, strict[from] + warmupDelay(stage) < limit else {
                            continue
                        }
                        let place = used * stride + end
                        let own = strictBound(stage)
                        critical.append((own, stage.forward, stage.backward))
                        strict[place] = min(strict[place], max(strict[from], own))
                    }
                }
            }
        }
        critical.sort { $0.bound > $1.bound }
        for index in critical.indices.dropFirst() {
            critical[index].forward = min(critical[index].forward, critical[index - 1].forward)
            critical[index].backward = min(critical[index].backward, critical[index - 1].backward)
        }
    }

    /// The layers from which, after a number of devices, stages with bounds below the limit lead to
    /// the end.
    private func completable(below limit: Double) -> [Bool] {
        let stride = stages.layerCount + 1
        var isOpen = [Bool](repeating: false, count: front.count)
        isOpen[devices * stride + stages.layerCount] = true
        for used in Swift.stride(from: devices, to: 0, by: -1) {
            for width in stages.widths where width <= room(used) {
                for first in 0..<stages.layerCount where !isOpen[(used - width) * stride + first] {
                    isOpen[(used - width) * stride + first] =
                        ((first + 1)...stages.layerCount).contains { end in
                            isOpen[used * stride + end]
                                && bound(stage(first..<end, width, used)) < limit
                        }
                }
            }
        }
        return isOpen
    }

    /// How much longer than the work behind it the warmup of a stage takes, at the start and at the
    /// end: every stage before it waits so much longer.
    private func warmupDelay(_ stage: Stage) -> Double {
        // Otherwise the least behind it is not what is behind it.
        guard devices == nodes, !hasHandovers else { return 0 }
        return max(0, Double(stage.fewest) * stage.forward - stage.after)
            + max(0, Double(stage.fewest) * stage.backward - stage.after)
    }

    private func strictBound(_ stage: Stage) -> Double {
        let work = stage.forward + stage.backward
        return stage.before + 2 * stage.after + Double(microbatches - stage.most) * work
    }

    private func roundsBound(_ stage: Stage) -> Double {
        let work = stage.forward + stage.backward
        let roundSize = stage.most + 1
        let isSlower = work + stage.after > Double(roundSize) * work
        let end = stage.before + max(stage.after, Double(stage.fewest) * stage.backward)
        var bound = 0.0
        for rounds in 0..<microbatches / mostStages {
            let left = microbatches - rounds * mostStages
            let ownRounds = isSlower ? (left - 1) / roundSize : 0
            guard rounds + ownRounds > 0 else { continue }
            let time =
                Double(rounds) * total + Double(ownRounds) * (work + stage.after)
                + Double(left - ownRounds * roundSize) * work
            bound = max(bound, time + end)
        }
        return bound
    }

    private mutating func fill() {
        let count = stages.layerCount
        let stride = count + 1
        front[0] = 0
        for used in Swift.stride(from: 1, through: devices, by: 1) {
            // Each node to go has a stage.
            let nodesLeft = (devices - used + stages.devicesPerNode - 1) / stages.devicesPerNode
            for width in stages.widths where width <= room(used) {
                for first in 0..<count {
                    let from = (used - width) * stride + first
                    guard front[from] < .infinity else { continue }
                    for end in (first + 1)...count where nodesLeft <= count - end {
                        let stage = stage(first..<end, width, used)
                        let place = used * stride + end
                        front[place] = min(front[place], max(front[from], bound(stage)))
                    }
                }
            }
        }
    }
}
