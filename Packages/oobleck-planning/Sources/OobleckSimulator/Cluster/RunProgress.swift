/// What a stretch of training comes to, without an event for each step.
///
/// The rhythm of checkpoints does not begin anew with each stretch: `sinceCheckpoint` says how long
/// steps ran in the stretches before, after the last snapshot.
struct RunProgress {
    /// Whole steps.
    let steps: Int
    /// Nanoseconds of a step that is not finished.
    let partial: Int
    /// Nanoseconds that checkpoints held up.
    let holdUp: Int
    /// Of the steps, the ones that a written checkpoint holds.
    let safeSteps: Int
    /// Nanoseconds of whole steps since the last snapshot, those of earlier stretches included.
    let sinceCheckpoint: Int
    /// A snapshot that is being written at the end; `nil` if all are safe.
    let writing: (steps: Int, left: SimulatedTime)?

    /// After `elapsed` of steps and checkpoints in their rhythm.
    init(
        elapsed: SimulatedTime,
        step: SimulatedTime,
        checkpoints: CheckpointRhythm?,
        sinceCheckpoint: Int = 0
    ) {
        let step = max(1, step.nanoseconds)
        guard let checkpoints else {
            steps = elapsed.nanoseconds / step
            partial = elapsed.nanoseconds % step
            safeSteps = 0
            holdUp = 0
            self.sinceCheckpoint = sinceCheckpoint + steps * step
            writing = nil
            return
        }
        let cycle = Cycle(step: step, checkpoints, sinceCheckpoint)
        // As if the steps before this stretch belonged to it.
        let time = elapsed.nanoseconds + cycle.skipped * step
        let (cycles, rest) = (time / cycle.length, time % cycle.length)
        let begun = min(rest, cycle.training)
        steps = cycles * checkpoints.steps + begun / step - cycle.skipped
        partial = begun % step
        holdUp = cycles * checkpoints.holdUp.nanoseconds + (rest - begun)
        self.sinceCheckpoint =
            cycles > 0 ? begun / step * step : sinceCheckpoint + steps * step
        // One that is being written when the next is due is waited for in the background.
        let written = max(0, time - checkpoints.writing.nanoseconds) / cycle.length
        safeSteps = written > 0 ? written * checkpoints.steps - cycle.skipped : 0
        writing =
            written < cycles
            ? (
                steps: cycles * checkpoints.steps - cycle.skipped,
                left: SimulatedTime(
                    nanoseconds: cycles * cycle.length + checkpoints.writing.nanoseconds - time
                )
            )
            : nil
    }

    /// From the start of a stretch to the first end of a step at or after `elapsed`.
    static func nextStepEnd(
        elapsed: SimulatedTime,
        step: SimulatedTime,
        checkpoints: CheckpointRhythm?,
        sinceCheckpoint: Int = 0
    ) -> SimulatedTime {
        let step = max(1, step.nanoseconds)
        guard let checkpoints else {
            return SimulatedTime(nanoseconds: (elapsed.nanoseconds + step - 1) / step * step)
        }
        let cycle = Cycle(step: step, checkpoints, sinceCheckpoint)
        let time = elapsed.nanoseconds + cycle.skipped * step
        let (cycles, rest) = (time / cycle.length, time % cycle.length)
        let end = (rest + step - 1) / step * step
        return SimulatedTime(
            nanoseconds: cycles * cycle.length + (end <= cycle.training ? end : cycle.length)
                - cycle.skipped * step
        )
    }

    /// From one snapshot to the next.
    private struct Cycle {
        /// Nanoseconds of steps.
        let training: Int
        /// Nanoseconds of steps and the snapshot.
        let length: Int
        /// Steps of the first cycle that need not be done, because of steps in earlier stretches; at
        /// least one is left.
        let skipped: Int

        init(step: Int, _ checkpoints: CheckpointRhythm, _ sinceCheckpoint: Int) {
            training = checkpoints.steps * step
            length = training + checkpoints.holdUp.nanoseconds
            skipped = min(sinceCheckpoint / step, checkpoints.steps - 1)
        }
    }
}
