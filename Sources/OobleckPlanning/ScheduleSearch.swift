import OobleckCore
import OobleckSchedule

/// Finds the division with the least makespan of the real 1F1B schedule (cost model `schedule`).
///
/// Branch and bound from the last stage to the first, from the best division of `sosp23` on. A
/// stage's place counted from the end gives its warmup and its microbatches in flight, so the last
/// stages are a schedule of their own, whose makespan, plus the least work of the layers before
/// them, no whole division beats: the first microbatch must pass those layers forward before, and
/// the last one backward after. Before that is computed, bounds in O(1) are tried:
///
/// - stage s, with work P before it, A after it and S - 1 - s forward passes ahead, takes
///   P + m w_s, plus what A leaves it idle before its first backward pass, max(0, A - (S - 1 - s) F_s);
/// - so does some stage of any division of the layers before, with no more forward passes ahead than
///   there are devices or layers left (a table for all counts of devices, by dynamic programming).
///
/// What is cut cannot win by more than ``margin``. On a tie the division found first stays, so that
/// of `sosp23` if it has the least makespan. Exponential at worst.
struct ScheduleSearch {
    /// Relative differences that rounding makes of sums of a model's layers.
    static let margin = 1e-12

    private let costs: StageCosts
    private let stages: SearchStages
    private let nodes: Int
    private let microbatches: Int
    /// The least of the greatest such time over divisions of the first layers, by devices used and
    /// count of layers.
    private let front: [[Double]]
    private var best: (time: Double, division: [SearchChoice])
    /// From the last stage on.
    private var suffix: [Part] = []
    private(set) var count = SearchCount()

    /// One of the last stages.
    private struct Part {
        let choice: SearchChoice
        let time: StageTime
    }

    /// What the last stages amount to together.
    private struct Rest {
        var work = 0.0
        var bound = 0.0
    }

    /// A search over `nodes` nodes from a division that fits.
    init(costs: StageCosts, stages: SearchStages, nodes: Int, start: PipelineTemplate) {
        self.costs = costs
        self.stages = stages
        self.nodes = nodes
        microbatches = scheduleMicrobatches(devices: nodes * costs.devicesPerNode)
        front = Self.front(costs, stages, nodes: nodes, microbatches: microbatches)
        best = (
            scheduleTime(of: start.stages, microbatches: microbatches),
            start.stages.map { stage in
                SearchChoice(
                    end: stage.endLayer,
                    widthIndex: stage.devices.trailingZeroBitCount
                )
            }
        )
    }

    /// The division with the least makespan.
    mutating func division() -> [SearchChoice] {
        improve()
        extend(end: stages.layerCount, devicesLeft: nodes * stages.devicesPerNode, Rest())
        return best.division
    }

    /// Moves single layers over the ends of stages as long as that helps: the earlier a good division
    /// is known, the more is cut.
    private mutating func improve() {
        var hasImproved = true
        // Each round but the last lowers the makespan.
        while hasImproved {
            hasImproved = false
            for stage in best.division.indices.dropLast() {
                for step in [-1, 1] {
                    var division = best.division
                    division[stage].end += step
                    let previous = stage > 0 ? division[stage - 1].end : 0
                    guard previous < division[stage].end,
                        division[stage].end < division[stage + 1].end,
                        stages.fits(division)
                    else { continue }
                    count.states += 1
                    let time = Self.makespan(times(division), microbatches: microbatches)
                    guard time < best.time * (1 - Self.margin) else { continue }
                    best = (time, division)
                    hasImproved = true
                }
            }
        }
    }

    private func times(_ division: [SearchChoice]) -> [StageTime] {
        var first = 0
        return division.map { choice in
            defer { first = choice.end }
            let (layers, devices) = (first..<choice.end, costs.widths[choice.widthIndex])
            return StageTime(
                forward: costs.forward(layers, devices: devices),
                backward: costs.backward(layers, devices: devices)
            )
        }
    }

    private var limit: Double { best.time * (1 - Self.margin) }

    /// Tries all stages that end at a layer before those in ``suffix``.
    private mutating func extend(end: Int, devicesLeft: Int, _ rest: Rest) {
        guard end > 0 else {
            if devicesLeft == 0 { consider() }
            return
        }
        guard devicesLeft > 0 else { return }
        let used = devicesLeft % stages.devicesPerNode
        let room = used == 0 ? stages.devicesPerNode : used
        let inFlight = Int32(suffix.count + 1)
        for (widthIndex, width) in stages.widths.enumerated() where width <= room {
            // Both work and memory only grow with the stage.
            for first in (0..<end).reversed() {
                let place = stages.row(widthIndex, first) + end
                if let most = stages.mostInFlight, most[place] < inFlight { break }
                let work = stages.works[place]
                if Double(microbatches) * work >= limit { break }
                let before = stages.leastWorkBefore[first]
                let forward = costs.forward(first..<end, devices: width)
                let idle = max(0, rest.work - Double(suffix.count) * forward.value)
                let bound = max(rest.bound + work, Double(microbatches) * work + idle)
                let reachable = front[devicesLeft - width][first]
                count.bounds += 1
                guard max(before + bound, reachable) < limit else { continue }
                let time = StageTime(
                    forward: forward,
                    backward: costs.backward(first..<end, devices: width)
                )
                suffix.append(
                    Part(choice: SearchChoice(end: end, widthIndex: widthIndex), time: time)
                )
                count.states += 1
                if before + suffixMakespan() < limit {
                    let rest = Rest(work: rest.work + work, bound: bound)
                    extend(end: first, devicesLeft: devicesLeft - width, rest)
                }
                suffix.removeLast()
            }
        }
    }

    private func suffixMakespan() -> Double {
        Self.makespan(suffix.reversed().map(\.time), microbatches: microbatches)
    }

    private mutating func consider() {
        let time = suffixMakespan()
        guard time < best.time else { return }
        best = (time, suffix.reversed().map(\.choice))
    }

    static func makespan(_ stages: [StageTime], microbatches: Int) -> Double {
        var walk = ScheduleMakespans(stages: stages)
        for _ in 0..<microbatches { walk.advance() }
        return walk.makespan().value
    }

    private static func front(
        _ costs: StageCosts,
        _ stages: SearchStages,
        nodes: Int,
        microbatches: Int
    ) -> [[Double]] {
        let devices = nodes * stages.devicesPerNode
        let row = [Double](repeating: .infinity, count: stages.layerCount + 1)
        var front = [[Double]](repeating: row, count: devices + 1)
        front[0][0] = 0
        let total = stages.leastWorkBefore[stages.layerCount]
        for used in stride(from: 1, through: devices, by: 1) {
            // The node that the last stage is on has these left of its devices before it.
            let filled = used % stages.devicesPerNode
            let most = filled == 0 ? stages.devicesPerNode : filled
            for (widthIndex, width) in stages.widths.enumerated() where width <= most {
                for first in 0..<stages.layerCount where front[used - width][first] < .infinity {
                    let row = stages.row(widthIndex, first)
                    for end in (first + 1)...stages.layerCount {
                        let work = stages.works[row + end]
                        let after = total - stages.leastWorkBefore[end]
                        let ahead = min(devices - used, stages.layerCount - end)
                        let forward = costs.forward(first..<end, devices: width).value
                        let own =
                            stages.leastWorkBefore[first] + Double(microbatches) * work
                            + max(0, after - Double(ahead) * forward)
                        let time = max(front[used - width][first], own)
                        front[used][end] = min(front[used][end], time)
                    }
                }
            }
        }
        return front
    }
}

/// The microbatches at which cost model `schedule` compares divisions over so many devices: four
/// for each, whatever the count of stages.
func scheduleMicrobatches(devices: Int) -> Int { 4 * devices }

/// The makespan of these stages.
func scheduleTime(of stages: [StageTemplate], microbatches: Int) -> Double {
    ScheduleSearch.makespan(
        stages.map { StageTime(forward: $0.forward, backward: $0.backward) },
        microbatches: microbatches
    )
}
