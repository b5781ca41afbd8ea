import OobleckCoordination
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTransport
import Synchronization

/// Something that a run recorded, for those who watch it.
package enum RunUpdate: Sendable {
    case committed(CommittedStep)
    /// What the step that was committed last took.
    case measured(StepMeasurement)
    case evaluated(RecordedEvaluation)
    case event(TimedEvent)
    case planned(PlanDocument)
    case recovered(RecoveryRecord)
    case status(RunStatus)
    case finished(RunOutcome, RunResult?)
    /// So many updates before this one were not delivered: the observer was too slow.
    case dropped(Int)
}

/// Someone who follows a run: gets the run's directory and job, and returns what is told of all that is
/// recorded (``RunObservers``).
package typealias RunFollower =
    @Sendable (RunDirectory, JobSpecification) -> @Sendable (RunUpdate) -> Void

/// Records a run in its directory, and tells its observers of all it records.
package final class RunFileRecording: RunRecording {
    private let directory: RunDirectory
    private let job: JobSpecification
    private let recorder: RunRecorder
    private let display: DisplayFiles
    /// How long the last events may take to be written.
    private static let lastWords: Seconds = 2
    /// How long observers may take for the end, such as one that tells a slow server.
    private static let observersEnd: Seconds = 10
    private let finalState = Mutex<FinalStateWriter?>(nil)
    private let checkpoints: CheckpointService
    /// Who is told of all that is recorded; more can be added at any time.
    package let observers = RunObservers()

    /// Records in `directory`.
    ///
    /// The observer is called with each update, in order, from a thread of its own (``RunObservers``).
    package init(
        _ directory: RunDirectory,
        job: JobSpecification,
        observer: @escaping @Sendable (RunUpdate) -> Void = { _ in }
    ) throws {
        self.directory = directory
        self.job = job
        observers.add(observer)
        let metrics = MetricsRecording(
            path: directory.metricsPath,
            job: job,
            committed: try LedgerEnd.history(path: directory.ledgerPath).committed
        )
        observers.add { metrics.receive($0) }
        let recorder = try RunRecorder(directory)
        self.recorder = recorder
        display = DisplayFiles(recorder)
        checkpoints = CheckpointService(
            try CheckpointStore(directory, job: job),
            keep: job.checkpoint?.keep ?? CheckpointSpecification.defaultKeep,
            synchronizeLedger: { try recorder.synchronize() }
        )
    }

    package func record(_ step: CommittedStep) throws {
        try recorder.append(step)
        observers.tell(.committed(step))
    }

    package func log(_ event: TimedEvent) {
        display.log(event)
        observers.tell(.event(event))
    }

    package func publish(_ plan: PlanDocument) {
        display.publish(plan)
        observers.tell(.planned(plan))
    }

    /// The event log has the recovery's line, and the result all of its numbers.
    package func recovered(_ recovery: RecoveryRecord) { observers.tell(.recovered(recovery)) }

    package func measured(_ step: StepMeasurement) { observers.tell(.measured(step)) }

    package func store(_ chunk: LayerChunk) throws { try finalStateWriter().receive(chunk) }

    package func record(_ restored: RestoredRun) throws { try recorder.append(restored) }

    package func record(_ recorded: RecordedArithmetic) throws { try recorder.append(recorded) }

    package func record(_ recorded: RecordedEvaluation) throws {
        try recorder.append(recorded)
        observers.tell(.evaluated(recorded))
    }

    package func perform(
        _ action: CheckpointAction,
        report: @escaping @Sendable (CheckpointOutcome) -> Void
    ) {
        checkpoints.perform(action, report: report)
    }

    package func makeRoom(after failure: OobleckError) {
        guard StorageAdvice.isLackOfSpace(failure.message),
            DiskSpace.isShared(checkpoints.path, directory.path)
        else { return }
        let writer = finalState.withLock { $0 }
        checkpoints.makeRoom { try writer?.missingBytes() }
    }

    package func show(_ status: RunStatus) {
        display.show(status)
        observers.tell(.status(status))
    }

    package func finish(
        _ outcome: RunOutcome,
        result: (_ stateSHA256: String) -> RunResult
    ) throws {
        defer {
            display.flush(within: Self.lastWords)
            observers.flush(within: Self.observersEnd)
        }
        switch outcome {
        case .completed(let layerDigests, _):
            checkpoints.finish()
            let digest = try finalStateWriter().publish(layerDigests: layerDigests)
            var result = result(digest)
            if result.finalLoss == nil {
                // A coordinator knows the losses of its own steps only, the ledger those of all.
                result.finalLoss = try RunVerifier.lastLoss(of: directory)
            }
            try recorder.write(result)
            observers.tell(.finished(outcome, result))
        case .stopped:
            checkpoints.finish()
            // The lines are with the system; what stops a run may be its disk.
            do { try recorder.synchronize() } catch {}
            observers.tell(.finished(outcome, nil))
        case .abandoned: observers.tell(.finished(outcome, nil))
        }
    }

    private func finalStateWriter() throws -> FinalStateWriter {
        try finalState.withLock { writer in
            if let writer { return writer }
            let new = try FinalStateWriter(
                directory,
                model: job.model,
                step: job.training.steps,
                jobSHA256: try JobFingerprint.of(job)
            )
            writer = new
            return new
        }
    }
}
