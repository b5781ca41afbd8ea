import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import Testing

/// Faults from outside, in a run long enough to join, to be stopped and to be replaced.
@Suite("Faults from outside while a run goes on", .serialized, .timeLimit(.minutes(10)))
struct LivingFaultTests {
    private func isGone(_ pid: Int) -> Bool {
        let path = "/proc/\(pid)/stat"
        guard let data = FileManager.default.contents(atPath: path) else { return true }
        // A zombie waits for its parent only.
        return String(decoding: data, as: UTF8.self).contains(") Z ")
    }

    @Test(
        "who is stopped is replaced, and when it goes on it is refused and all of its node ends",
        arguments: ["agent", "worker"]
    )
    func stopped(side: String) throws {
        let run = try LivingRun(steps: 400)
        defer { run.running.signal(SIGINT) }
        // A node that the run's own process cannot kill.
        let agent = try run.laboratory.startAgent()
        defer { agent.signal(SIGKILL) }
        try #require(waitUntil(60) { run.node(6)?.pipeline != nil })
        let node = try #require(run.node(6))
        let agentPID = try #require(node.agentPID)
        let workerPID = try #require(node.workerPIDs.first)
        kill(pid_t(side == "agent" ? agentPID : workerPID), SIGSTOP)
        #expect(waitUntil(20) { run.node(6)?.state == .dead })
        let lost = try run.events(.nodeLost).first { $0.node == 6 }
        guard case .nodeLost(6, .silent(let silent, let time)) = lost?.content else {
            Issue.record("\(lost.debugDescription)")
            return
        }
        #expect(silent?.rawValue == side && time > 1)
        kill(pid_t(side == "agent" ? agentPID : workerPID), SIGCONT)
        #expect(waitUntil(10) { isGone(agentPID) && isGone(workerPID) })
        let outcome = try agent.wait(deadline: 10)
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("put out of the run"), "\(outcome.errors)")
        #expect(try run.finish().failures == 1)
    }

    @Test("SIGTERM to an agent is a drain: the node leaves, nothing is lost, nothing has failed")
    func drain() throws {
        let run = try LivingRun(steps: 400)
        defer { run.running.signal(SIGINT) }
        let agentPID = try #require(run.node(2)?.agentPID)
        kill(pid_t(agentPID), SIGTERM)
        #expect(waitUntil(20) { run.node(2)?.state == .drained && isGone(agentPID) })
        #expect(try run.events(.nodeDrained).map(\.node) == [2])
        #expect(try run.finish().failures == 0)
    }

    @Test("the death of a process is known from its end, not from its silence")
    func quick() throws {
        let run = try LivingRun(steps: 400)
        defer { run.running.signal(SIGINT) }
        for (count, node) in [NodeID(5), 0].enumerated() {
            let pid = try #require(run.node(node)?.workerPIDs.first)
            kill(pid_t(pid), SIGKILL)
            try #require(waitUntil(20) { (try? run.events(.recovered).count) == count + 1 })
            let lost = try #require(try run.events(.nodeLost).last)
            guard case .nodeLost(node, .reported(let evidence)) = lost.content else {
                Issue.record("\(lost)")
                continue
            }
            #expect(evidence.contains("killed by signal 9"), "\(evidence)")
        }
        #expect(try run.finish().failures == 2)
    }

    @Test(
        "a node whose CPU is limited to a fifth is found and has less to do",
        .enabled(if: CPUQuota.isAvailable, "needs a writable CPU control group")
    )
    func quota() throws {
        let run = try LivingRun(steps: 400)
        defer { run.running.signal(SIGINT) }
        let quota = try CPUQuota(share: 0.2)
        defer { quota.remove() }
        let worker = try #require(run.node(1)?.workerPIDs.first)
        let step = run.laboratory.status("run")?.step ?? 0
        try quota.limit(worker)
        #expect(waitUntil(60) { (try? run.events(.slow).contains { $0.node == 1 }) == true })
        let found = try run.events(.slow).first { $0.node == 1 }
        // One step may have been committed between the two looks.
        #expect((found?.step ?? 999) <= step + 6)
        #expect(
            waitUntil(60) {
                (try? run.events(.rebalanced).count + run.events(.setAside).count) ?? 0 > 0
            }
        )
        quota.remove()
        #expect(try run.finish().failures == 0)
    }
}

/// A control group that limits the CPU of processes (version 1 of the hierarchy).
final class CPUQuota {
    private static let root = "/sys/fs/cgroup/cpu"
    private static let periodMicroseconds = 5000
    private let path: String

    static let isAvailable: Bool = {
        let probe = root + "/oobleck-probe-\(getpid())"
        guard mkdir(probe, 0o755) == 0 else { return false }
        defer { rmdir(probe) }
        return access(probe + "/cpu.cfs_quota_us", W_OK) == 0
    }()

    init(share: Double) throws {
        path = Self.root + "/oobleck-\(UUID().uuidString)"
        guard mkdir(path, 0o755) == 0 else {
            throw OobleckError(.internalFault, "cannot make \(path)")
        }
        try write(Self.periodMicroseconds, "cpu.cfs_period_us")
        try write(Int(share * Double(Self.periodMicroseconds)), "cpu.cfs_quota_us")
    }

    func limit(_ pid: Int) throws { try write(pid, "cgroup.procs") }

    /// Lets all go; may be called twice.
    func remove() {
        let left = (try? String(contentsOfFile: path + "/cgroup.procs", encoding: .utf8)) ?? ""
        for pid in left.split(separator: "\n") {
            try? "\(pid)".write(
                toFile: Self.root + "/cgroup.procs",
                atomically: false,
                encoding: .utf8
            )
        }
        rmdir(path)
    }

    private func write(_ value: Int, _ name: String) throws {
        try "\(value)".write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
    }
}
