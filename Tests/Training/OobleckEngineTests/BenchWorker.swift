import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckEngine
import Synchronization

/// The way of a worker in this process to the coordinator of its bench.
final class BenchLink: ControlLink {
    private let isCut = Mutex(false)
    private let deliver: @Sendable (WorkerMessage) -> Void

    init(_ deliver: @escaping @Sendable (WorkerMessage) -> Void) { self.deliver = deliver }

    /// Whether nothing gets through any more.
    var isGone: Bool { isCut.withLock { $0 } }

    func send(_ message: WorkerMessage) {
        if !isGone { deliver(message) }
    }

    /// Cuts the link; `true` where it was whole before.
    @discardableResult
    func cut() -> Bool {
        isCut.withLock { isCut in
            defer { isCut = true }
            return !isCut
        }
    }
}

/// A node in this process: one worker with its link, its thread and its two sessions.
final class BenchWorker: Sendable {
    let node: NodeID
    let link: BenchLink
    let worker: Worker
    let agentSession: SessionID
    let workerSession: SessionID
    private let hasEnded = Mutex(false)

    /// A worker that sends over `link`; its thread does not run yet.
    init(
        _ node: NodeID,
        link: BenchLink,
        sessions: (agent: SessionID, worker: SessionID),
        end: @escaping @Sendable (WorkerEnding) -> Void
    ) {
        self.node = node
        self.link = link
        (agentSession, workerSession) = sessions
        worker = Worker(WorkerID(node), host: "127.0.0.1", link: link, end: end)
    }

    /// Whether the training thread has returned.
    var isOver: Bool { hasEnded.withLock { $0 } }

    /// Starts the training thread.
    func start() throws {
        try SystemThread.start(stackBytes: 16 << 20) {
            _ = self.worker.run()
            self.hasEnded.withLock { $0 = true }
        }
    }

    /// Ends the worker as the death of its process would: nothing of it gets out, and its groups close.
    ///
    /// Returns `false` where it had ended before.
    @discardableResult
    func end() -> Bool {
        let isFirst = link.cut()
        worker.close()
        return isFirst
    }
}
