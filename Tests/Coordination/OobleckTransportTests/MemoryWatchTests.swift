import Foundation
import OobleckCore
import Testing

@testable import OobleckTransport

@Suite("How an agent tells a kill for want of memory", .timeLimit(.minutes(5)))
struct MemoryWatchTests {
    /// A folder that stands for /proc and the mounts of control groups.
    private func withSystem(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "oobleck-groups-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["proc/self", "proc/7", "v1/box", "v2/slice/box"] {
            try FileManager.default.createDirectory(
                atPath: folder + "/" + name,
                withIntermediateDirectories: true
            )
        }
        try body(folder)
    }

    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test("the count is that of the process's own group, in either version of the interface")
    func versions() throws {
        try withSystem { folder in
            try write(
                """
                30 1 0:1 / \(folder)/v1 rw - cgroup cgroup rw,memory
                31 1 0:2 / \(folder)/v2 rw,relatime - cgroup2 cgroup2 rw

                """,
                folder + "/proc/self/mountinfo"
            )
            try write(
                "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
                folder + "/v1/box/memory.oom_control"
            )
            try write("low 0\nmax 9\noom 4\noom_kill 5\n", folder + "/v2/slice/box/memory.events")
            try write("4:memory:/box\n0::/\n", folder + "/proc/7/cgroup")
            #expect(ControlGroups(proc: folder + "/proc").counter(ofProcess: 7)?.kills() == 3)
            try write("0::/slice/box\n", folder + "/proc/7/cgroup")
            #expect(ControlGroups(proc: folder + "/proc").counter(ofProcess: 7)?.kills() == 5)
        }
    }

    @Test("a container's view of the groups, whose root is below the machine's, is found as well")
    func container() throws {
        try withSystem { folder in
            try write(
                "31 1 0:2 /slice \(folder)/v2/slice rw - cgroup2 cgroup2 rw\n",
                folder + "/proc/self/mountinfo"
            )
            try write("oom_kill 1\n", folder + "/v2/slice/box/memory.events")
            try write("0::/slice/box\n", folder + "/proc/7/cgroup")
            #expect(ControlGroups(proc: folder + "/proc").counter(ofProcess: 7)?.kills() == 1)
        }
    }

    @Test("without a group that counts it is the machine's count, and of nobody there is none")
    func machine() throws {
        try withSystem { folder in
            try write("", folder + "/proc/self/mountinfo")
            try write("0::/\n", folder + "/proc/7/cgroup")
            try write("pgfault 12\noom_kill 2\n", folder + "/proc/vmstat")
            let groups = ControlGroups(proc: folder + "/proc")
            #expect(groups.counter(ofProcess: 7)?.kills() == 2)
            #expect(groups.counter(ofProcess: 8) == nil)
        }
    }

    @Test("only a kill since the process has been watched counts")
    func watch() throws {
        try withSystem { folder in
            try write("", folder + "/proc/self/mountinfo")
            try write("0::/\n", folder + "/proc/7/cgroup")
            try write("oom_kill 2\n", folder + "/proc/vmstat")
            let watch = MemoryWatch(groups: ControlGroups(proc: folder + "/proc"))
            #expect(!watch.sawKill())
            watch.start(pid: 7)
            #expect(!watch.sawKill())
            try write("oom_kill 3\n", folder + "/proc/vmstat")
            #expect(watch.sawKill())
        }
    }
}
