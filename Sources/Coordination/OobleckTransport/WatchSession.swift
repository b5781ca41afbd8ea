import GRPCCore
import OobleckCore
import OobleckData
import OobleckWire
import SwiftProtobuf

/// One watch over the control plane, until the run is over, the client is gone or reads too slowly.
struct WatchSession: Sendable {
    /// Time between two signs of life.
    static let heartbeat: Duration = .seconds(5)

    private let watcher: Watcher

    init(_ watcher: Watcher) { self.watcher = watcher }

    func run(
        _ cancellation: ServerContext.RPCCancellationHandle,
        write: @escaping @Sendable (WireWatchReply) async throws -> Void
    ) async throws {
        let isOver = try await withThrowingTaskGroup(of: Bool.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await _ in watcher.signals {
                    let updates = watcher.take()
                    for update in updates { try await write(try WireWatchReply(update)) }
                    if updates.isEmpty { try await write(.with { $0.heartbeat = .init() }) }
                }
                // What came with the end.
                for update in watcher.take() { try await write(try WireWatchReply(update)) }
                return true
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.heartbeat)
                    watcher.wake()
                }
            }
            group.addTask {
                for await _ in watcher.givenUp {}
                try Task.checkCancellation()
                return false
            }
            group.addTask {
                try await cancellation.cancelled
                throw CancellationError()
            }
            return try await group.next() ?? true
        }
        guard isOver else {
            throw RPCError(
                code: .resourceExhausted,
                message:
                    "this watch reads too slowly: more than \(Watcher.mostEvents) events waited "
                    + "for it; watch again, or read events.jsonl in the run directory"
            )
        }
    }
}

extension WireWatchReply {
    package init(_ update: WatchUpdate) throws {
        self.init()
        switch update {
        case .status(let status): self.status = try json(status)
        case .event(let event): self.event = event.text
        }
    }

    /// What it says; `nil` for a sign of life.
    ///
    /// Throws one line when it makes no sense.
    package func update() throws -> WatchUpdate? {
        switch content {
        case .status(let status): .status(try decoded(status, "WatchReply.status"))
        case .event(let line): .event(try TimedEvent.parsing(line))
        case .heartbeat: nil
        case nil: throw malformed("WatchReply", "is empty")
        }
    }
}
