import Foundation
import OobleckClock
import OobleckCore
import OobleckTransport

/// A real etcd of three members for one run: on loopback, or each in a network namespace of its own.
///
/// Touched by the one task of its attempt.
final class DrillEtcd {
    static let count = 3
    private static let program = ["/usr/bin/etcd", "/usr/local/bin/etcd"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    private let folder: String
    private let commands: [[String]]
    private var members: [ChildProcess] = []
    /// Where a run keeps its state in it.
    let location: String

    /// Why no etcd can be started here; nothing when one can.
    static var obstacle: String? {
        program == nil ? "there is no etcd (Debian: etcd-server)" : nil
    }

    /// Why members cannot have clocks of their own here; nothing when they can.
    static func clockObstacle() async throws -> String? {
        let trial = try await CommandOutcome.of(apart(by: 5) + ["true"])
        return trial.status == 0 ? nil : "members cannot have other clocks: \(trial.lastLine)"
    }

    /// The command line before a command that makes its monotonic clock this many seconds ahead.
    private static func apart(by seconds: Int) -> [String] {
        ["/usr/bin/unshare", "--time", "--fork", "--kill-child", "--monotonic", "\(seconds)"]
    }

    /// Starts the members.
    ///
    /// - Parameters:
    ///   - folder: Where they keep what they have; made here.
    ///   - network: Namespaces to put them in; `nil` is loopback.
    ///   - clocks: By how many seconds the monotonic clock of each is ahead; empty is not at all.
    /// - Throws: One line when a member cannot be started.
    init(_ folder: String, in network: NetworkLaboratory?, clocks: [Int] = []) throws {
        guard let program = Self.program else {
            throw OobleckError(.internalFault, Self.obstacle ?? "")
        }
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let hosts = try (0..<Self.count).map { member -> (client: String, peer: String) in
            if let network {
                let host = network.address(of: member)
                return ("\(host):2379", "\(host):2380")
            }
            return ("127.0.0.1:\(try Self.freePort())", "127.0.0.1:\(try Self.freePort())")
        }
        let cluster = hosts.enumerated().map { "m\($0)=http://\($1.peer)" }.joined(separator: ",")
        commands = hosts.enumerated().map { member, host in
            let command = [
                program, "--name", "m\(member)", "--data-dir", "\(folder)/m\(member)",
                "--listen-client-urls", "http://\(host.client)",
                "--advertise-client-urls", "http://\(host.client)",
                "--listen-peer-urls", "http://\(host.peer)",
                "--initial-advertise-peer-urls", "http://\(host.peer)",
                "--initial-cluster", cluster, "--logger", "zap",
            ]
            let timed = clocks.isEmpty ? command : Self.apart(by: clocks[member]) + command
            guard let network, let ip = NetworkLaboratory.ip else { return timed }
            return [ip] + network.wrapped(member, timed)
        }
        location = "etcd://" + hosts.map(\.client).joined(separator: ",") + "/drill"
        for member in 0..<Self.count { members.append(try start(member)) }
    }

    deinit { remove() }

    private func start(_ member: Int) throws -> ChildProcess {
        try ChildProcess.spawn(
            commands[member][0],
            Array(commands[member].dropFirst()),
            group: .own,
            holdsInput: false,
            logPath: "\(folder)/m\(member).log"
        )
    }

    /// Signals members, each with all of its processes.
    func signal(_ number: Int32, _ chosen: [Int]) {
        for member in chosen { members[member].signalGroup(number) }
    }

    /// Starts a member that was killed anew, with what it kept.
    func restart(_ member: Int) async throws {
        _ = try await members[member].waitUntilExit(deadline: MonotonicTime.now + 5)
        members[member] = try start(member)
    }

    /// Ends the members, and removes what they kept.
    func remove() {
        for member in members {
            member.signalGroup(SIGCONT)
            member.signalGroup(SIGKILL)
        }
        members = []
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            // It is in the drill's folder, which goes as a whole.
        }
    }

    private static func freePort() throws -> Int {
        let socket = try ListeningSocket(host: "127.0.0.1", port: 0)
        defer { socket.discard() }
        return socket.port
    }
}
