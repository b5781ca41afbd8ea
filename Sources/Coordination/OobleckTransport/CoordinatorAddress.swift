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

    /// Reads `HOST:PORT`; an IPv6 address stands in brackets.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line.
    package init(parsing text: String) throws {
        let pair = try HostPort(parsing: text, what: "coordinator")
        self.init(host: pair.host, port: pair.port)
    }

    var pair: HostPort { HostPort(host: host, port: port) }

    package var description: String { pair.description }

    /// Whether nobody but this machine is there.
    package var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
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
