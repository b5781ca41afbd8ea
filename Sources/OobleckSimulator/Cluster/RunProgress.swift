/// What a stretch of training comes to, without an event for each step.
struct RunProgress {
    /// Whole steps.
    let steps: Int
    /// Of those, the ones that a written checkpoint holds.
    let safeSteps: Int
    /// Nanoseconds of a step that is not finished.
    let partial: Int
    /// Nanoseconds that checkpoints held up.
    let holdUp: Int

    /// After `elapsed` of steps and checkpoints in their rhythm.
    init(elapsed: SimulatedTime, step: SimulatedTime, checkpoints: CheckpointRhythm?) {
        let (time, step) = (elapsed.nanoseconds, max(1, step.nanoseconds))
        guard let checkpoints else {
            steps = time / step
            partial = time % step
            safeSteps = 0
            holdUp = 0
            return
        }
        let training = checkpoints.steps * step
        let cycle = training + checkpoints.holdUp.nanoseconds
        let (cycles, rest) = (time / cycle, time % cycle)
        let begun = min(rest, training)
        steps = cycles * checkpoints.steps + begun / step
        partial = begun % step
        holdUp = cycles * checkpoints.holdUp.nanoseconds + (rest - begun)
        // One that is being written when the next is due is waited for in the background.
        let written = time - checkpoints.writing.nanoseconds
        safeSteps = written > 0 ? written / cycle * checkpoints.steps : 0
    }

    /// From the start of a run to the first end of a step at or after `elapsed`.
    static func nextStepEnd(
        elapsed: SimulatedTime,
        step: SimulatedTime,
        checkpoints: CheckpointRhythm?
    ) -> SimulatedTime {
        let (time, step) = (elapsed.nanoseconds, max(1, step.nanoseconds))
        guard let checkpoints else {
            return SimulatedTime(nanoseconds: (time + step - 1) / step * step)
        }
        let training = checkpoints.steps * step
        let cycle = training + checkpoints.holdUp.nanoseconds
        let (cycles, rest) = (time / cycle, time % cycle)
        let end = (rest + step - 1) / step * step
        return SimulatedTime(nanoseconds: cycles * cycle + (end <= training ? end : cycle))
    }
}
