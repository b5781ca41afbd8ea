import OobleckCoordination
import OobleckCore

/// What is sent to one peer.
enum SessionStream: Sendable {
    case agent(Outbox<AgentInstruction>)
    case worker(Outbox<WorkerInstruction>)

    func beat() {
        switch self {
        case .agent(let outbox): _ = outbox.add(.heartbeat)
        case .worker(let outbox): _ = outbox.add(.heartbeat)
        }
    }

    /// No more follows; with a reason the stream ends in an error, which is no refusal.
    func close(because error: OobleckError? = nil) {
        switch self {
        case .agent(let outbox): outbox.close(because: error)
        case .worker(let outbox): outbox.close(because: error)
        }
    }

    /// Waits until all that was added is written, at most for a second.
    func waitUntilWritten() {
        switch self {
        case .agent(let outbox): outbox.waitUntilWritten()
        case .worker(let outbox): outbox.waitUntilWritten()
        }
    }
}
