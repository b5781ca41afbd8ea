import Foundation
import OobleckCoordination
import OobleckCore
import OobleckDrill
import OobleckEtcd
import Testing

/// A real etcd cluster of a test, on free ports of loopback.
final class EtcdCluster {
    static let program = ["/usr/bin/etcd", "/usr/local/bin/etcd"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    let location: EtcdLocation
    private(set) var processes: [Process] = []
    private let folder: String

    init(members: Int) throws {
        folder = NSTemporaryDirectory() + "oobleck-etcd-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let ports = try (0..<2 * members).map { _ in try Self.freePort() }
        let peers = (0..<members).map { "m\($0)=http://127.0.0.1:\(ports[2 * $0 + 1])" }
        let hosts = (0..<members).map { "127.0.0.1:\(ports[2 * $0])" }
        location = try EtcdLocation(
            parsing: "etcd://" + hosts.joined(separator: ","),
            run: "test"
        )
        for member in 0..<members {
            let client = "http://127.0.0.1:\(ports[2 * member])"
            let peer = "http://127.0.0.1:\(ports[2 * member + 1])"
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.program))
            process.arguments = [
                "--name", "m\(member)", "--data-dir", "\(folder)/m\(member)",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", peers.joined(separator: ","), "--logger", "zap",
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            processes.append(process)
        }
    }

    deinit {
        for process in processes { kill(process.processIdentifier, SIGKILL) }
        for process in processes { process.waitUntilExit() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The store of a coordinator, once the cluster answers and it leads.
    func lead(as id: String) async throws -> EtcdStore {
        let leader = EtcdLeader(host: "127.0.0.1", port: 1, token: "t", id: id)
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try #require(try await EtcdStore.lead(location, as: leader, budget: 1))
            } catch let error as OobleckError where ContinuousClock.now < deadline {
                guard error.code == .storage else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                try #require(bind(descriptor, raw, size) == 0)
                try #require(getsockname(descriptor, raw, &size) == 0)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
    }
}

@Suite(
    "Coordination in a real etcd",
    .serialized,
    .enabled(if: EtcdCluster.program != nil, "no etcd here; run: apt install etcd-server")
)
struct EtcdStoreTests {
    @Test("the next leader finds what the changes sum up to, and the ledger", arguments: [1, 3])
    func sums(members: Int) async throws {
        let cluster = try EtcdCluster(members: members)
        let weather = SimulatedCluster.Weather(kills: 2, joins: 1, drains: 1)
        var run = try SimulatedCluster(seed: 5, nodes: 5, steps: 4, weather: weather)
        run.run(until: 300)
        var expected = DurableState()
        let first = try await cluster.lead(as: "first")
        #expect(first.load() == nil)
        for change in [.tookOver(term: 1)] + run.changes {
            try first.persist(change)
            expected.apply(change)
        }
        try first.close()
        let second = try await cluster.lead(as: "second")
        #expect(second.load() == expected)
        #expect(try second.ledger() == run.ledger.map { .step($0) })
        try second.close()
    }

    @Test("a leader whose time is over is refused every write, and knows it by itself")
    func fenced() async throws {
        let cluster = try EtcdCluster(members: 1)
        let old = try await cluster.lead(as: "old")
        try old.persist(.tookOver(term: 1))
        #expect(old.mayAct)
        old.pauseRenewal()
        let new = try await cluster.lead(as: "new")
        #expect(!old.mayAct, "the other leads only once the lease has run out")
        try new.persist(.tookOver(term: 2))
        #expect(throws: OobleckError.self) { try old.persist(.tookOver(term: 9)) }
        #expect(new.load()?.term == 2)
        #expect(try await EtcdLeader.current(cluster.location).id == "new")
        try new.close()
    }

    @Test("one member of three may die")
    func memberDies() async throws {
        let cluster = try EtcdCluster(members: 3)
        let store = try await cluster.lead(as: "a")
        try store.persist(.tookOver(term: 1))
        kill(cluster.processes[0].processIdentifier, SIGKILL)
        let deadline = ContinuousClock.now + .seconds(20)
        var failure: (any Error)?
        repeat {
            do {
                try store.persist(.draining(0, true))
                failure = nil
            } catch {
                failure = error
            }
        } while failure != nil && store.mayAct && ContinuousClock.now < deadline
        #expect(failure == nil)
        try store.close()
    }
}
