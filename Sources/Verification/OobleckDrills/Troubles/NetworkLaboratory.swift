import Foundation
import OobleckClock
import OobleckCore
import OobleckTransport
import Synchronization

/// A bridge with a network namespace for the coordinator and one for each node.
///
/// Links go down without a word to either end, and packets are lost one way by a wrong neighbour
/// address, so that nothing but `ip` (and `tc` for narrow links) is needed.
///
/// Touched by the one task of its attempt, and by the task that cleans up while that one waits.
final class NetworkLaboratory: @unchecked Sendable {
    private let prefix: String
    private let nodes: Int
    private var isBuilt = false
    private var delays: [DelayingLink] = []
    static let coordinatorHost = "10.77.0.250"
    private static let nowhere = "02:00:00:00:00:99"
    /// Laboratories that this process has made: what is left of one may take a moment to go.
    private static let made = Atomic(0)

    init(nodes: Int) {
        self.nodes = nodes
        // Interface names have at most 15 characters.
        let number = Self.made.add(1, ordering: .relaxed).newValue % 1000
        prefix = "ob\(getpid() % 100_000)-\(number)"
    }

    /// Why namespaces cannot be used here; nothing when they can.
    static func obstacle() async -> String? {
        guard geteuid() == 0 else { return "network namespaces need root" }
        let trial = NetworkLaboratory(nodes: 1)
        let obstacle: String?
        do {
            try await trial.build()
            obstacle = nil
        } catch {
            obstacle = "network namespaces cannot be made here: \(error)"
        }
        return await trial.tearDown().map { "they cannot be taken down: \($0)" } ?? obstacle
    }

    func address(of node: Int) -> String { "10.77.0.\(node + 1)" }
    private func space(_ node: Int?) -> String { "\(prefix)" + (node.map { "n\($0)" } ?? "c") }
    private func link(_ node: Int?) -> String { "\(prefix)" + (node.map { "v\($0)" } ?? "vc") }
    private var bridge: String { "\(prefix)b" }
    /// The bridge behind which a node is whose packets take longer.
    private var detour: String { "\(prefix)d" }

    /// What runs a command inside the namespace of a node, or of the coordinator.
    func wrapped(_ node: Int?, _ command: [String]) -> [String] {
        ["netns", "exec", space(node)] + command
    }

    static let ip = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    private static let tc = ["/usr/sbin/tc", "/sbin/tc", "/usr/bin/tc"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    func build() async throws {
        isBuilt = true
        try await ip("link", "add", bridge, "type", "bridge")
        try await ip("link", "set", bridge, "up")
        for node in [nil] + (0..<nodes).map(Optional.some) { try await addSpace(node) }
    }

    /// One more node's namespace, or the coordinator's.
    private func addSpace(_ node: Int?) async throws {
        let (space, link) = (space(node), link(node))
        let address = node.map(address(of:)) ?? Self.coordinatorHost
        try await ip("netns", "add", space)
        try await ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        try await ip("link", "set", link, "master", bridge)
        try await ip("link", "set", link, "up")
        try await ip("-n", space, "link", "set", "lo", "up")
        try await ip("-n", space, "addr", "add", "\(address)/24", "dev", "eth0")
        try await ip("-n", space, "link", "set", "eth0", "up")
    }

    /// Takes everything away, also after a build that failed half-way, and when somebody interrupts
    /// the drill; returns what is in the way.
    func tearDown() async -> (any Error)? {
        do {
            try await Task { try await self.remove() }.value
            return nil
        } catch {
            return error
        }
    }

    private func remove() async throws {
        guard isBuilt else { return }
        for link in delays { link.end() }
        delays = []
        for node in [nil] + (0..<nodes).map(Optional.some) {
            // A namespace lives as long as processes in it, and would keep its link.
            _ = try await run(Self.ip, ["link", "del", link(node)])
            _ = try await run(Self.ip, ["netns", "del", space(node)])
        }
        for bridge in [bridge, detour] { _ = try await run(Self.ip, ["link", "del", bridge]) }
        isBuilt = false
    }

    // MARK: Faults

    /// The link of a node, or of the coordinator, carries nothing any more, or does again.
    func setLink(_ node: Int?, isUp: Bool) async throws {
        try await ip("link", "set", link(node), isUp ? "up" : "down")
    }

    /// Packets from one namespace to an address are lost, or get through again.
    func setPath(from node: Int?, to address: String, isOpen: Bool) async throws {
        if isOpen {
            try await ip("-n", space(node), "neigh", "del", address, "dev", "eth0")
        } else {
            try await ip(
                "-n",
                space(node),
                "neigh",
                "replace",
                address,
                "lladdr",
                Self.nowhere,
                "dev",
                "eth0",
                "nud",
                "permanent"
            )
        }
    }

    /// Each packet to and from a node takes a time of its own from now on, up to `longest`.
    ///
    /// Returns the link that carries them.
    func delay(
        _ node: Int,
        upTo longest: Seconds,
        _ random: DrillRandom
    ) async throws -> DelayingLink {
        let delay = try DelayingLink(prefix + "x", prefix + "y", longest: longest, random: random)
        delays.append(delay)
        delay.start()
        try await ip("link", "add", detour, "type", "bridge")
        try await ip("link", "set", detour, "up")
        for (end, bridge) in zip(delay.ends, [bridge, detour]) {
            try await ip("link", "set", end, "master", bridge)
            try await ip("link", "set", end, "up")
        }
        try await ip("link", "set", link(node), "master", detour)
        return delay
    }

    /// Packets to and from a node go straight again.
    func endDelay(_ node: Int) async throws {
        try await ip("link", "set", link(node), "master", bridge)
    }

    /// Shapes what a node sends: `tbf rate ...`.
    ///
    /// Returns why that is impossible here, or nothing.
    func shape(_ node: Int, _ discipline: [String]) async throws -> String? {
        let inside = ["netns", "exec", space(node)]
        guard let tc = Self.tc else { return "there is no tc" }
        let command = inside + [tc, "qdisc", "add", "dev", "eth0", "root"] + discipline
        let (status, said) = try await run(Self.ip, command)
        return status == 0 ? nil : "tc says: \(said)"
    }

    // MARK: Commands

    private func ip(_ arguments: String...) async throws {
        let (status, said) = try await run(Self.ip, arguments)
        guard status == 0 else {
            throw OobleckError(.internalFault, "ip \(arguments.joined(separator: " ")): \(said)")
        }
    }

    /// Runs a command to its end, and returns its status and last line.
    private func run(_ program: String?, _ arguments: [String]) async throws -> (Int32, String) {
        guard let program else { return (127, "there is no ip") }
        let outcome = try await CommandOutcome.of([program] + arguments, within: 10)
        return (outcome.status, outcome.lastLine)
    }
}
