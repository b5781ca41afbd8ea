import OobleckSchedule
import OobleckValues

/// The stages that may come before some last stages of a division (cost model `schedule`).
struct ScheduleCandidates {
    let problem: ScheduleProblem
    let bounds: ScheduleBounds
    /// Numbers computed so far.
    private(set) var steps = 0

    init(problem: ScheduleProblem, bounds: ScheduleBounds) {
        self.problem = problem
        self.bounds = bounds
    }

    /// One stage put before others.
    struct Candidate {
        let choice: SearchChoice
        /// The last stages, the new one included.
        let label: ScheduleLabel
        /// The stage's first layer, and the devices left for what is before it.
        let first: Int
        let devicesLeft: Int
        /// What the whole takes at least.
        let bound: Double
    }

    /// No stages yet.
    var start: ScheduleLabel {
        // With handovers, rounds may be slower than any stage: then paths are followed to the end.
        let horizon = bounds.hasHandovers ? problem.microbatches : problem.mostStages + 2
        return ScheduleLabel(horizon: horizon)
    }

    /// All stages that end at a layer, before those of the label, with a bound below the limit.
    mutating func candidates(
        _ label: ScheduleLabel,
        end: Int,
        devicesLeft: Int,
        limit: Double
    ) -> [Candidate] {
        let stages = problem.stages
        let room = problem.room(devicesLeft)
        let inFlight = Int32(label.stageCount + 1)
        var candidates: [Candidate] = []
        for (widthIndex, width) in stages.widths.enumerated() where width <= room {
            // Both work and memory only grow with the stage.
            for first in (0..<end).reversed() {
                let place = stages.row(widthIndex, first) + end
                if let most = stages.mostInFlight, most[place] < inFlight { break }
                if Double(problem.microbatches) * stages.works[place] >= limit { break }
                steps += 1
                let time = problem.time(first..<end, devices: width, devicesUsed: devicesLeft)
                let candidate = candidate(
                    label,
                    time,
                    SearchChoice(end: end, widthIndex: widthIndex),
                    first: first,
                    devicesLeft: devicesLeft - width,
                    limit: limit
                )
                if let candidate { candidates.append(candidate) }
            }
        }
        return candidates
    }

    /// `nil` if it cannot win.
    private mutating func candidate(
        _ label: ScheduleLabel,
        _ time: StageTime,
        _ choice: SearchChoice,
        first: Int,
        devicesLeft: Int,
        limit: Double
    ) -> Candidate? {
        guard bounds.least(devicesLeft, first) < limit else { return nil }
        let stageCount = label.stageCount
        let way = time.handover.thereAndBack
        let single = bounds.bound(
            ScheduleBounds.Stage(
                forward: time.forward.value,
                backward: time.backward.value,
                before: 0,
                after: label.work + way,
                most: stageCount,
                fewest: stageCount
            )
        )
        let own = max(label.own + time.forward.value + time.backward.value + way, single)
        let before = bounds.before(devicesLeft, first)
        guard before + own < limit else { return nil }
        var next = label
        next.own = own
        steps += next.prepend(time, microbatches: problem.microbatches)
        guard before + next.own < limit else { return nil }
        let delayed = bounds.least(devicesLeft, first) { next.delays(passes: $0, way: $1) }
        guard delayed < limit else { return nil }
        return Candidate(
            choice: choice,
            label: next,
            first: first,
            devicesLeft: devicesLeft,
            bound: max(before + next.own, delayed)
        )
    }
}
