import GRPCCore
import OobleckClock
import OobleckCore
import Synchronization

/// Where a coordinator listens.
package struct CoordinatorAddress: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line.
    package init(parsing text: String) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]), 1...65535 ~= port
        else {
            throw OobleckError(.usage, "coordinator is \"\(text)\"; it must be HOST:PORT")
        }
        self.init(host: String(parts[0]), port: port)
    }

    package var description: String { "\(host):\(port)" }

    /// Whether nobody but this machine is there.
    package var isLoopback: Bool { host == "localhost" || host.hasPrefix("127.") }
}

extension CallOptions {
    /// A session waits for the coordinator to come up, as long as its ``ConnectionWatch`` says.
    static var session: CallOptions {
        var options = CallOptions.defaults
        options.waitForReady = true
        options.maxResponseMessageBytes = ControlBounds.largestDirectiveBytes
        return options
    }

    /// A person's request ends within seconds; nothing in a run waits for it.
    static var request: CallOptions {
        var options = CallOptions.defaults
        options.timeout = .seconds(5)
        return options
    }
}

/// Ends an attempt to open a session that takes too long.
final class ConnectionWatch: Sendable {
    private let address: CoordinatorAddress
    /// How long a session may take to be answered.
    private let deadline: Seconds
    private let isConnected = Mutex(false)

    init(_ address: CoordinatorAddress, within deadline: Seconds) {
        self.address = address
        self.deadline = deadline
    }

    /// The session is answered.
    func connected() { isConnected.withLock { $0 = true } }

    /// Runs a session, and throws one line when it is not answered in time.
    func run(_ session: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await session()
                return true
            }
            group.addTask {
                try await Task.sleep(for: Duration(self.deadline))
                guard self.isConnected.withLock({ $0 }) else {
                    throw OobleckError(
                        .outOfNodes,
                        "no answer from a coordinator at \(self.address) "
                            + "within \(self.deadline.value) s"
                    )
                }
                return false
            }
            for try await isOver in group where isOver { return }
        }
    }
}
