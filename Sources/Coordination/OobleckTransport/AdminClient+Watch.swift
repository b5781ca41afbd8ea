import GRPCCore
import OobleckClock
import OobleckCore
import OobleckWire
import Synchronization

extension AdminClient {
    /// The longest that a coordinator that lives says nothing; it gives a sign of life more often.
    private static let patience: Seconds = 30

    /// Watches the run: `receive` is given its status as of now, then what happens, until the run is over
    /// or `receive` returns false.
    ///
    /// Throws one line when the coordinator cannot be reached, refuses, or says nothing for long.
    package func watch(
        _ receive: @escaping @Sendable (WatchUpdate) async throws -> Bool
    ) async throws {
        let heard = LastHeard()
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await stream { update in
                    heard.note()
                    guard let update else { return true }
                    defer { heard.note() }
                    return try await receive(update)
                }
            }
            group.addTask {
                while heard.silence < Self.patience {
                    try await Task.sleep(for: .seconds(1))
                }
                throw OobleckError(
                    .outOfNodes,
                    "the coordinator has said nothing for \(Int(Self.patience.value)) s; it may be gone"
                )
            }
            try await group.next()
        }
    }

    private func stream(
        _ receive: @escaping @Sendable (WatchUpdate?) async throws -> Bool
    ) async throws {
        try await address.withClient(token: token, tls: tls) { client in
            try await WireControlPlane.Client(wrapping: client)
                .watch(WireWatchRequest(), options: .session) { response in
                    for try await reply in response.messages {
                        guard try await receive(try reply.update()) else { return }
                    }
                }
        }
    }
}

/// When something was heard last.
private final class LastHeard: Sendable {
    private let time = Mutex(MonotonicTime.now)

    func note() { time.withLock { $0 = MonotonicTime.now } }

    var silence: Seconds { time.withLock { MonotonicTime.now - $0 } }
}
