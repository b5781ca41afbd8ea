import GRPCCore
import OobleckCore

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
    /// A session that cannot be opened fails at once; when to try again its owner decides.
    static var session: CallOptions {
        var options = CallOptions.defaults
        options.waitForReady = false
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
