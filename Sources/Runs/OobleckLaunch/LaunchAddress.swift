import Foundation
import OobleckClock
import OobleckCore
import OobleckTransport
import Synchronization

/// Where the coordinator of a launched run listens.
enum LaunchAddress {
    /// The address that was asked for, or that by which this machine reaches the first host that has one.
    ///
    /// Throws one line.
    static func of(_ request: LaunchRequest) async throws -> String {
        if let host = request.listenHost { return try NetworkInterface.address(host) }
        var reason = ""
        for host in request.hosts {
            do {
                return try NetworkInterface.address(
                    towards: try await target(host, request.options)
                )
            } catch let error as OobleckError {
                reason = error.message
            }
        }
        throw OobleckError(
            .usage,
            "\(reason); say with --listen at which address or interface of this machine the hosts reach it"
        )
    }

    /// What ssh is going to connect to: its configuration may have another name for it.
    private static func target(_ host: HostEntry, _ options: SSHOptions) async throws -> HostPort {
        if let address = host.address { return HostPort(host: address, port: host.port ?? 22) }
        let output = Output()
        let process = try ChildProcess.spawn(
            options.executable,
            ["-G"] + options.arguments(host, command: []),
            group: .own,
            holdsInput: false,
            logPath: nil,
            readers: ChildReaders(output: output.add, errors: { _ in })
        ) { _ in output.end() }
        defer { process.signalGroup(SIGKILL) }
        let end = MonotonicTime.now + 5
        while !output.isComplete, MonotonicTime.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        var settings: [String: String] = [:]
        for line in output.text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            if parts.count == 2 { settings[String(parts[0])] = String(parts[1]) }
        }
        let port = settings["port"].flatMap { Int($0) } ?? host.port ?? 22
        return HostPort(host: settings["hostname"] ?? host.destination, port: port)
    }

    private final class Output: Sendable {
        private let state = Mutex((bytes: [UInt8](), isComplete: false))

        var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
        var isComplete: Bool { state.withLock { $0.isComplete } }

        func add(_ bytes: [UInt8]) {
            state.withLock { if $0.bytes.count < 1 << 20 { $0.bytes += bytes } }
        }
        func end() { state.withLock { $0.isComplete = true } }
    }
}
