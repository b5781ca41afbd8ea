import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckEtcdSupport
import OobleckWire
import OobleckWorlds
import Testing

@testable import OobleckStoreEtcd

extension EtcdStore {
    /// Writes until etcd takes no more, and returns what it says and the time that the last write
    /// took.
    fileprivate func fill() -> (error: OobleckError?, took: Seconds) {
        for number in 0..<10_000 {
            let start = MonotonicTime.now
            do {
                try persist(.draining(0, number.isMultiple(of: 2)))
            } catch {
                return (error as? OobleckError, MonotonicTime.now - start)
            }
        }
        return (nil, 0)
    }
}

// One test at a time, with those of the store: each blocks a thread of the pool while it writes.
extension EtcdStoreTests {
    @Suite("An etcd that takes nothing, or only from whom it knows", .timeLimit(.minutes(5)))
    struct EtcdTroubleTests {
        @Test(
            "no space is told at once, the lead is kept, and the write counts once there is space",
            .enabled(
                if: EtcdCluster.control != nil,
                "no etcdctl here; run: apt install etcd-client"
            )
        )
        func noSpace() async throws {
            let cluster = try EtcdCluster(members: 1, options: ["--quota-backend-bytes", "200000"])
            let store = try await cluster.lead(as: "a", budget: 4)
            try store.persist(.tookOver(term: 1))
            try store.persist(.joined(0, agentPID: 1))
            let (error, took) = store.fill()
            #expect(error?.code == .storage)
            #expect(error?.message.contains("database space exceeded") == true, "\(error as Any)")
            #expect(took < 2, "\(took.value) s")
            #expect(store.mayAct)
            let left = DurableChange.left(0, hasFailed: true, as: .dead)
            for _ in 0..<3 {
                #expect(throws: OobleckError.self) { try store.persist(left) }
            }
            let status = try cluster.control(["endpoint", "status", "-w", "json"])
            let rest = status.split(separator: "\"revision\":").last
            let revision = try #require(rest?.prefix { $0.isNumber })
            try cluster.control(["compact", String(revision)])
            try cluster.control(["defrag"])
            try cluster.control(["alarm", "disarm"])
            try store.persist(left)
            try store.close()
            let next = try await cluster.lead(as: "b")
            #expect(next.load()?.failures == 1)
            try next.close()
        }

        @Test("a state larger than a request is kept in parts")
        func large() async throws {
            let cluster = try EtcdCluster(members: 1)
            let store = try await cluster.lead(as: "a", budget: 4)
            try store.persist(.tookOver(term: 1))
            let run = try World.lively(seed: 5, nodes: 5, steps: 2)
            let planned = run.changes.compactMap { change -> PlanDocument? in
                if case .planned(let plan) = change { plan } else { nil }
            }
            var plan = try #require(planned.first)
            for generation in 0..<3 {
                plan.plan.generation = Generation(generation)
                plan.reason = String(repeating: "\(generation)", count: 2_000_000)
                try store.persist(.planned(plan))
                try store.persist(.inForce(plan.plan.generation))
            }
            let expected = store.load()
            try store.close()
            let next = try await cluster.lead(as: "b")
            #expect(next.load() == expected && expected?.inForce == plan)
            try next.close()
        }

        @Test("a write that comes late, or from a twin, changes nothing")
        func late() async throws {
            let cluster = try EtcdCluster(members: 1)
            let store = try await cluster.lead(as: "a", budget: 4)
            try store.persist(.tookOver(term: 1))
            let client = try EtcdClient(cluster.location)
            let found = try #require(try await client.readAll(FencedLead.leaderName).first)
            let lead = FencedLead(
                lease: found.lease,
                token: found.createRevision,
                identity: "twin",
                validUntil: MonotonicTime.now + 60
            )
            let twin = EtcdStore(client, lead, timeToLive: 6)
            try await twin.reload()
            try store.persist(.joined(3, agentPID: 7))
            let error = #expect(throws: OobleckError.self) { try twin.persist(.tookOver(term: 9)) }
            #expect(error?.code == .internalFault)
            try store.persist(.left(3, hasFailed: true, as: .dead))
            try store.close()
            let next = try await cluster.lead(as: "b")
            #expect(next.load()?.term == 1 && next.load()?.failures == 1)
            try next.close()
            client.close()
        }

        @Test(
            "over TLS, as a user with a password in a file",
            .enabled(
                if: EtcdCluster.control != nil && EtcdCertificates.isAvailable,
                "no etcdctl or openssl here"
            )
        )
        func secured() async throws {
            let certificates = try EtcdCertificates()
            let cluster = try EtcdCluster(members: 1, certificates: certificates)
            let root = ["--user", "root:secret"]
            try cluster.control(["user", "add", "root:secret"])
            try cluster.control(["user", "grant-role", "root", "root"])
            try cluster.control(["auth", "enable"])
            try cluster.control(root + ["role", "add", "oobleck"])
            try cluster.control(
                root + [
                    "role", "grant-permission", "oobleck", "--prefix=true", "readwrite",
                    "/oobleck/",
                ]
            )
            try cluster.control(root + ["user", "add", "trainer:pass word"])
            try cluster.control(root + ["user", "grant-role", "trainer", "oobleck"])
            func location(_ user: String?, _ password: String = "pass word") throws -> EtcdLocation
            {
                let path = certificates.folder + "/password"
                try Data((password + "\n").utf8).write(to: URL(fileURLWithPath: path))
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o600],
                    ofItemAtPath: path
                )
                let access = try EtcdAccess(
                    authorityPath: certificates.authority,
                    certificatePath: nil,
                    keyPath: nil,
                    user: user,
                    passwordPath: user.map { _ in path }
                )
                let text = cluster.location.text
                return try EtcdLocation(parsing: text, run: "test", access: access)
            }
            // As a worker gets it: the text names files, and holds no password.
            let text = try location("trainer").text
            #expect(!text.contains("pass word") && text.hasPrefix("etcds://"))
            let known = try EtcdLocation(parsing: text, run: "x")
            #expect(try known == location("trainer"))
            let leader = EtcdLeader(host: "::1", port: 1, id: "a")
            let store = try #require(try await EtcdStore.lead(known, as: leader, budget: 2))
            try store.persist(.tookOver(term: 1))
            #expect(try await EtcdLeader.current(known) == leader)
            try store.close()
            let wrong = await #expect(throws: OobleckError.self) {
                try await EtcdLeader.current(location("trainer", "wrong"))
            }
            #expect(wrong?.message.contains("password is wrong") == true, "\(wrong?.message ?? "")")
            let nobody = await #expect(throws: OobleckError.self) {
                try await EtcdLeader.current(location(nil))
            }
            #expect(nobody?.message.contains("--etcd-user") == true, "\(nobody?.message ?? "")")
        }

        @Test("at an IPv6 address")
        func ipv6() async throws {
            guard FileManager.default.fileExists(atPath: "/proc/net/if_inet6") else { return }
            let cluster = try EtcdCluster(members: 1, host: "::1")
            #expect(cluster.location.text.hasPrefix("etcd://[::1]:"))
            let store = try await cluster.lead(as: "a")
            try store.persist(.tookOver(term: 1))
            try store.close()
        }

        @Test("access that makes no sense is told in one line, and a password that others can read")
        func access() throws {
            func location(_ text: String) throws -> EtcdLocation {
                try EtcdLocation(parsing: text, run: "x")
            }
            for (text, words) in [
                ("etcd://a:1/x?user=me", "--etcd-password-file"),
                ("etcd://a:1/x?cert=c", "--etcd-key"),
                ("etcd://a:1/x?pasword-file=p", "password-file"), ("http://a:1/x", "etcds://"),
                ("etcd://::1:2/x", "brackets"), ("etcd:///x", "HOST:PORT"),
            ] {
                let error = #expect(throws: OobleckError.self) { try location(text) }
                #expect(error?.code == .usage)
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
            }
            let path = NSTemporaryDirectory() + "oobleck-password-\(UUID().uuidString)"
            try Data("secret".utf8).write(to: URL(fileURLWithPath: path))
            defer { try? FileManager.default.removeItem(atPath: path) }
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            let open = try location("etcd://a:1/x?user=me&password-file=\(path)")
            let error = #expect(throws: OobleckError.self) { try open.access.requireFiles() }
            #expect(error?.message.contains("chmod 600") == true)
            #expect(error?.message.contains("secret") == false)
        }
    }
}
