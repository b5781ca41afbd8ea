import OobleckSchedule

/// The last stages of a division, as far as they delay a slowest stage before them (cost model
/// `schedule`).
struct ScheduleTail {
    private var stages: [StageTime] = []
    /// The work and handovers behind each of them, from the last stage on.
    private var behind: [Double] = []
    /// The work and handovers of all of them, there and back, before each was put there.
    private var works = [0.0]

    /// The work and handovers of all of them, there and back.
    var work: Double { works[works.count - 1] }
    var stageCount: Int { stages.count }

    /// Puts a stage before them.
    mutating func push(_ stage: StageTime) {
        stages.append(stage)
        behind.append(work + ScheduleBounds.thereAndBack(stage.handover))
        works.append(behind[behind.count - 1] + stage.forward.value + stage.backward.value)
    }

    mutating func pop() {
        stages.removeLast()
        behind.removeLast()
        works.removeLast()
    }

    /// From the first stage on.
    var inOrder: [StageTime] { stages.reversed() }

    /// How much longer than their work the first and the last microbatch take through them, for a
    /// stage before them with passes of at least so long.
    ///
    /// Stage j of them, with W_j forward passes ahead and A_j behind it, sends the first microbatch
    /// back only after its warmup. Or the path goes down with the last microbatch to stage j, back
    /// with the W_j-th before it, and ends with W_j backward passes of the stage before: longer than
    /// A_j if those are. The same with forward passes at the start.
    ///
    /// `way` is that from the stage before them, there and back.
    func delays(passes: (forward: Double, backward: Double), way: Double) -> Double {
        max(response(isReversed: false) - work, delay(passes.forward, way))
            + max(response(isReversed: true) - work, delay(passes.backward, way))
    }

    private func delay(_ pass: Double, _ way: Double) -> Double {
        let ahead = Double(stages.count)
        return behind.enumerated().reduce(max(0, ahead * pass - work - way)) {
            max($0, Double($1.offset) * pass - $1.element)
        }
    }

    /// From the start of the first stage's first forward pass to the end of its first backward pass,
    /// or, with time reversed, the same of the last passes.
    private func response(isReversed: Bool) -> Double {
        // In order of the forward pass, which `stages` is not.
        var arrivals = [Double](repeating: 0, count: stages.count)
        var ends = arrivals
        for index in stages.indices.reversed() {
            let stage = stages[index]
            let pass = isReversed ? stage.backward.value : stage.forward.value
            var (end, link) = (0.0, 0.0)
            for microbatch in 0...index {
                end = max(end, arrivals[microbatch]) + pass
                link = max(end, link) + stage.handover.busy.value
                arrivals[microbatch] = link + stage.handover.latency.value
            }
            ends[index] = end
        }
        var time = 0.0
        for (index, stage) in stages.enumerated() {
            let pass = isReversed ? stage.forward.value : stage.backward.value
            let handover = stage.handover.busy.value + stage.handover.latency.value
            time = max(ends[index], index > 0 ? time + handover : 0) + pass
        }
        return time
    }
}
