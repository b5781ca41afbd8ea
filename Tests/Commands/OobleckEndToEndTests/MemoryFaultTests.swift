import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// Workers that run out of memory, for real.
@Suite("A worker that runs out of memory", .serialized, .timeLimit(.minutes(10)))
struct MemoryFaultTests {
    @Test("that asks for more than there is ends at once, says so, and changes nothing")
    func refused() throws {
        let laboratory = try Laboratory()
        let fault = ["--fault", "kind=memory,node=3,step=4"]
        let outcome = try laboratory.train("run", fault)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let reference = try laboratory.train("reference", ["--reference"])
        try #require(reference.status == 0, "\(reference.errors)")
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == (try laboratory.result("reference").stateSHA256))
        #expect(result.failures == 1 && result.samplesRepeated == 0)
        let events = try laboratory.events("run", .outOfMemory)
        #expect(events.map(\.node) == [3])
        guard case .outOfMemory(_, _, let evidence, _) = events.first?.content else {
            Issue.record("\(events)")
            return
        }
        #expect(evidence.contains("exited with status 71"))
        #expect(try laboratory.events("run", .nodeLost).map(\.node) == [3])
    }

    @Test(
        "that the kernel kills for its limit is told from one that is killed, and gets less when back",
        .enabled(if: MemoryLimit.isAvailable, "needs a writable memory control group")
    )
    func limited() throws {
        // Five nodes of the run's own, and one that is limited and comes back under its name.
        let run = try LivingRun(steps: 600, begun: 3)
        defer { run.running.signal(SIGINT) }
        let laboratory = run.laboratory
        let first = try laboratory.startAgent(name: "small")
        defer { first.signal(SIGKILL) }
        try #require(waitUntil(60) { run.node(6)?.pipeline != nil })
        let worker = try #require(run.node(6)?.workerPIDs.first)
        let limit = try MemoryLimit()
        defer { limit.remove() }
        try limit.add(worker)
        // The agent has to have seen the group.
        hold(1)
        try limit.tighten()
        #expect(waitUntil(60) { run.node(6)?.state == .dead })
        #expect(limit.kills == 1)
        // Events are written a moment after the status.
        #expect(waitUntil(5) { (try? laboratory.events("run", .outOfMemory).isEmpty) == false })
        let lost = try #require(try laboratory.events("run", .outOfMemory).first)
        #expect(lost.node == 6)
        guard case .outOfMemory(_, "small", let evidence, let load) = lost.content else {
            Issue.record("\(lost)")
            return
        }
        #expect(evidence.contains("ran out of memory: it was killed by signal 9"))
        let had = Set(load.layers)
        #expect(!had.isEmpty)
        let second = try laboratory.startAgent(name: "small")
        defer { second.signal(SIGKILL) }
        try #require(waitUntil(60) { run.node(7)?.state == .healthy })
        let joined = laboratory.status("run")?.step ?? 0
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 > joined + 20 })
        let document = try RunDirectory.open(path: laboratory.path("run")).plan()
        for pipeline in document.plan.pipelines {
            guard let place = pipeline.nodes.firstIndex(of: 7),
                let template = document.templates.first(where: {
                    $0.nodes == pipeline.templateNodes
                })
            else { continue }
            let has = Set(template.layers(ofNode: place))
            #expect(has.count < had.count && !has.isSuperset(of: had), "\(has) after \(had)")
        }
        #expect(try run.finish().failures == 1)
    }
}

/// A control group that limits the memory of processes, in either version of the hierarchy.
final class MemoryLimit {
    private static let candidates = [
        (
            root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes",
            events: "memory.oom_control"
        ),
        (root: "/sys/fs/cgroup", limit: "memory.max", events: "memory.events"),
        (root: "/sys/fs/cgroup/unified", limit: "memory.max", events: "memory.events"),
    ]

    private static let found: (root: String, limit: String, events: String)? =
        candidates.first { candidate in
            let probe = candidate.root + "/oobleck-probe-\(getpid())"
            guard mkdir(probe, 0o755) == 0 else { return false }
            defer { rmdir(probe) }
            return access(probe + "/" + candidate.limit, W_OK) == 0
        }

    static var isAvailable: Bool { found != nil }

    private let path: String
    private let names: (root: String, limit: String, events: String)

    init() throws {
        names = try #require(Self.found)
        path = names.root + "/oobleck-\(UUID().uuidString)"
        guard mkdir(path, 0o755) == 0 else {
            throw OobleckError(.internalFault, "cannot make \(path)")
        }
    }

    func add(_ pid: Int) throws { try write("\(pid)", "cgroup.procs") }

    /// What its processes have by now is nearly all that they get.
    func tighten() throws {
        let usage =
            path + (names.limit == "memory.max" ? "/memory.current" : "/memory.usage_in_bytes")
        var spare = 1 << 14
        while true {
            let text = try String(contentsOfFile: usage, encoding: .utf8)
            let used = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
            do {
                return try write("\(used + spare)", names.limit)
            } catch  where spare < 1 << 24 {
                // Version 1 takes no limit below what is used, which may have grown.
                spare *= 2
            }
        }
    }

    /// Processes that the kernel killed for the limit.
    var kills: Int? {
        guard let data = FileManager.default.contents(atPath: path + "/" + names.events) else {
            return nil
        }
        let line = String(decoding: data, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst("oom_kill ".count)) }
    }

    func remove() { rmdir(path) }

    private func write(_ text: String, _ name: String) throws {
        try text.write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
    }
}
