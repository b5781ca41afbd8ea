import OobleckCore
import OobleckSchedule

/// Finds the division with the least makespan of the real 1F1B schedule (cost model `schedule`).
///
/// Two divisions to begin with: the best of `sosp23`, and the one whose stages' lower bounds are
/// least (``ScheduleBounds``), which is mostly the answer, as its makespan equals its bound. Then
/// branch and bound from the last stage to the first. A stage's place counted from the end gives its
/// warmup and its microbatches in flight, so the last stages are a schedule of their own. Its
/// makespan, plus the least work and handovers before them, no whole division beats: the first
/// microbatch must pass those layers forward before, and the last one backward after. If a stage
/// before them is the slowest, its bound and what the last stages delay it (``ScheduleTail``) count.
///
/// What is cut cannot win by more than ``margin``. On a tie the division found first stays, so that
/// of `sosp23` if it has the least makespan. Exponential at worst, where no division's makespan
/// comes near the bounds.
struct ScheduleSearch {
    /// Relative differences that rounding makes of sums of a model's layers.
    static let margin = 1e-12

    private let costs: StageCosts
    private let stages: SearchStages
    private let devices: Int
    private let microbatches: Int
    private var bounds: ScheduleBounds
    private var best: Best
    /// The limit that ``bounds`` were tightened for.
    private var tightened = Double.infinity
    private var tail = ScheduleTail()
    /// From the last stage on.
    private var choices: [SearchChoice] = []
    private(set) var count = SearchCount()

    private struct Best {
        var time: Double
        var division: [SearchChoice]

        /// Makespans from here on do not win.
        var limit: Double { time * (1 - ScheduleSearch.margin) }
    }

    /// A stage that may come before ``tail``.
    private struct Candidate {
        let choice: SearchChoice
        let time: StageTime
        let first: Int
        let devicesLeft: Int
        /// What each stage of the tail and this one take at least, without what comes before.
        let own: Double
        /// What the whole takes at least.
        let bound: Double
    }

    /// A search over `nodes` nodes from a division that fits.
    init(costs: StageCosts, stages: SearchStages, nodes: Int, start: PipelineTemplate) {
        self.costs = costs
        self.stages = stages
        devices = nodes * costs.devicesPerNode
        microbatches = scheduleMicrobatches(devices: devices)
        bounds = ScheduleBounds(
            costs: costs,
            stages: stages,
            nodes: nodes,
            microbatches: microbatches
        )
        let division = start.stages.map { stage in
            SearchChoice(end: stage.endLayer, widthIndex: stage.devices.trailingZeroBitCount)
        }
        best = Best(time: .infinity, division: division)
    }

    /// The division with the least makespan.
    mutating func division() -> [SearchChoice] {
        best.time = makespan(best.division)
        best = improved(best)
        if bounds.least < best.limit, let division = bounds.division(), stages.fits(division) {
            let other = improved(Best(time: makespan(division), division: division))
            if other.time < best.limit { best = other }
        }
        guard bounds.least < best.limit else { return best.division }
        tighten()
        extend(end: stages.layerCount, devicesLeft: devices, own: 0)
        return best.division
    }

    /// Moves single layers over the ends of stages as long as that helps: the earlier a good division
    /// is known, the more is cut.
    private mutating func improved(_ start: Best) -> Best {
        var best = start
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
                    let time = makespan(division)
                    guard time < best.limit else { continue }
                    best = Best(time: time, division: division)
                    hasImproved = true
                }
            }
        }
        return best
    }

    /// The bounds for the best so far; anew only when it pays.
    private mutating func tighten() {
        guard best.limit < tightened * (1 - 1e-5) else { return }
        tightened = best.limit
        bounds.tighten(below: tightened)
    }

    /// Tries all stages that end at a layer before those of ``tail``, most promising first.
    private mutating func extend(end: Int, devicesLeft: Int, own: Double) {
        guard end > 0, devicesLeft > 0 else {
            if end == 0, devicesLeft == 0 { consider() }
            return
        }
        let candidates = candidates(end: end, devicesLeft: devicesLeft, own: own)
        for candidate in candidates where candidate.bound < best.limit {
            tail.push(candidate.time)
            choices.append(candidate.choice)
            count.states += 1
            let (left, first) = (candidate.devicesLeft, candidate.first)
            if bounds.least(left, first, tail) < best.limit,
                bounds.before(left, first) + makespan(tail.inOrder) < best.limit
            {
                extend(end: first, devicesLeft: left, own: candidate.own)
            }
            tail.pop()
            choices.removeLast()
        }
    }

    private mutating func candidates(
        end: Int,
        devicesLeft: Int,
        own: Double
    ) -> [Candidate] {
        let filled = devicesLeft % stages.devicesPerNode
        let room = filled == 0 ? stages.devicesPerNode : filled
        let inFlight = Int32(tail.stageCount + 1)
        var candidates: [Candidate] = []
        for (widthIndex, width) in stages.widths.enumerated() where width <= room {
            // Both work and memory only grow with the stage.
            for first in (0..<end).reversed() {
                let place = stages.row(widthIndex, first) + end
                if let most = stages.mostInFlight, most[place] < inFlight { break }
                if Double(microbatches) * stages.works[place] >= best.limit { break }
                count.bounds += 1
                let time = time(first..<end, devices: width, devicesUsed: devicesLeft)
                let way = ScheduleBounds.thereAndBack(time.handover)
                let here = bounds.bound(
                    ScheduleBounds.Stage(
                        forward: time.forward.value,
                        backward: time.backward.value,
                        before: 0,
                        after: tail.work + way,
                        most: tail.stageCount,
                        fewest: tail.stageCount
                    )
                )
                let own = max(own + time.forward.value + time.backward.value + way, here)
                let left = devicesLeft - width
                let bound = max(bounds.before(left, first) + own, bounds.least(left, first))
                guard bound < best.limit else { continue }
                candidates.append(
                    Candidate(
                        choice: SearchChoice(end: end, widthIndex: widthIndex),
                        time: time,
                        first: first,
                        devicesLeft: left,
                        own: own,
                        bound: bound
                    )
                )
            }
        }
        return candidates.sorted { $0.bound < $1.bound }
    }

    private mutating func consider() {
        let time = makespan(tail.inOrder)
        guard time < best.time else { return }
        best = Best(time: time, division: choices.reversed())
        tighten()
    }

    private mutating func makespan(_ division: [SearchChoice]) -> Double {
        count.states += 1
        var (first, used) = (0, 0)
        let times = division.map { choice in
            defer { first = choice.end }
            let devices = costs.widths[choice.widthIndex]
            used += devices
            return time(first..<choice.end, devices: devices, devicesUsed: used)
        }
        return makespan(times)
    }

    private func makespan(_ times: [StageTime]) -> Double {
        scheduleTime(of: times, microbatches: microbatches)
    }

    private func time(_ layers: Range<Int>, devices: Int, devicesUsed: Int) -> StageTime {
        StageTime(
            forward: costs.forward(layers, devices: devices),
            backward: costs.backward(layers, devices: devices),
            handover: costs.handover(before: layers.upperBound, devicesUsed: devicesUsed)
        )
    }
}

/// The microbatches at which cost model `schedule` compares divisions over so many devices: four
/// for each, whatever the count of stages.
func scheduleMicrobatches(devices: Int) -> Int { 4 * devices }

/// The makespan of these stages.
func scheduleTime(of stages: [StageTime], microbatches: Int) -> Double {
    var walk = ScheduleMakespans(stages: stages)
    for _ in 0..<microbatches { walk.advance() }
    return walk.makespan().value
}
