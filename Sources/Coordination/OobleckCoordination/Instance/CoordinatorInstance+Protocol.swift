import OobleckCore

/// A stream between the coordinator and an agent or a worker; numbered by the shell, never twice the
/// same.
package struct SessionID: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
    package let rawValue: Int

    package init(_ rawValue: Int) { self.rawValue = rawValue }

    package init(integerLiteral value: Int) { rawValue = value }

    package static func < (first: SessionID, second: SessionID) -> Bool {
        first.rawValue < second.rawValue
    }
}

extension CoordinatorInstance {
    /// What a shell tells.
    package enum Input: Hashable, Sendable {
        /// A peer opened a stream and said this; `isOwn` when it is the process that this run itself
        /// started as the node that it names.
        case hello(SessionID, SessionSide, SessionHello, isOwn: Bool)
        /// An agent said something.
        case agent(SessionID, AgentReport)
        /// A worker said something.
        case worker(SessionID, WorkerReport)
        /// A peer says what it may not: more than it should, or nonsense.
        case offence(SessionID, what: String)
        /// The stream ended.
        case ended(SessionID)
        /// Something that no session says: time, a request, what the checkpoint store did.
        case event(CoordinatorEvent)
        /// A time has come that was asked for with ``Directive/wake(at:)``.
        case wake

        /// Why someone wants the run to end, if someone does.
        var requestedEnd: String? {
            switch self {
            case .event(.stopRequested(let reason)), .event(.endRequested(let reason)): reason
            default: nil
            }
        }

        /// Whether it only says that its sender lives.
        var isHeartbeat: Bool {
            switch self {
            case .agent(_, .heartbeat), .worker(_, .heartbeat): true
            default: false
            }
        }

        /// The session that it came over, if it did over one.
        package var session: SessionID? {
            switch self {
            case .hello(let session, _, _, _), .agent(let session, _), .worker(let session, _),
                .offence(let session, _), .ended(let session):
                session
            case .event, .wake: nil
            }
        }
    }

    /// What a shell is to do.
    ///
    /// What has to be kept may fail with ``OobleckError/Code/storage``; it is then named again later.
    package enum Directive: Hashable, Sendable {
        /// Send to an agent. Messages of one session keep their order.
        case agent(SessionID, AgentInstruction)
        /// Send to a worker.
        case worker(SessionID, WorkerInstruction)
        /// Send what was said before, and end the stream.
        case close(SessionID)
        /// End the stream without a refusal, so that the peer looks for its coordinator again.
        case drop(SessionID, OobleckError)
        /// Have the node's processes killed.
        case fence(NodeID)
        /// Say ``Input/wake`` at this time.
        case wake(at: Seconds)
        /// Keep for the next coordinator.
        case persist(DurableChange)
        /// Append to the ledger.
        case record(CommittedStep)
        /// Append to the event log.
        case log(RunEvent)
        /// Write `plan.json`.
        case publish(PlanDocument)
        /// Note how a failure was survived.
        case recovered(RecoveryRecord)
        /// Note what the newest committed step took.
        case measured(StepMeasurement)
        /// Store a piece of the final state.
        case store(LayerChunk)
        /// Have the checkpoint store do this beside all else, and tell what came of it.
        case checkpoint(CheckpointAction)
        /// Append to the ledger that the run went back.
        case restored(RestoredRun)
        /// Append to the ledger what the run computes with.
        case recordArithmetic(RecordedArithmetic)
        /// Append to the ledger what the state comes to on the validation data.
        case recordEvaluation(RecordedEvaluation)
        /// Write the result and all that tells how the run ended.
        case write(RunOutcome)
        /// Keep how the run ended, before anyone is told to leave.
        case conclude(RunOutcome)
        /// The part of this process in the run is over.
        case finish(RunOutcome)

        /// Whether it writes what has to be kept.
        package var isKept: Bool {
            switch self {
            case .persist, .record, .store, .restored, .recordArithmetic, .recordEvaluation, .write,
                .conclude:
                true
            case .agent, .worker, .close, .drop, .fence, .wake, .log, .publish, .recovered,
                .measured, .checkpoint, .finish:
                false
            }
        }
    }

    /// What came of a directive.
    package enum DirectiveResult: Sendable {
        case done
        /// It was a message, and too many wait already (``mostMessages``).
        case overflow
        case failed(OobleckError)
    }
}
