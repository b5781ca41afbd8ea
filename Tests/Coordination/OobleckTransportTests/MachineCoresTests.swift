import Foundation
import Testing

@testable import OobleckTransport

@Suite("The processors that the nodes of a machine have together", .timeLimit(.minutes(5)))
struct MachineCoresTests {
    private func quota(_ groups: String, _ files: [String: String]) throws -> Double? {
        let folder = NSTemporaryDirectory() + "oobleck-cores-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (path, text) in files.merging(["groups": groups], uniquingKeysWith: { own, _ in own }) {
            let file = URL(fileURLWithPath: "\(folder)/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
        return ControlGroupQuota(groups: folder + "/groups", root: folder).cores
    }

    @Test("the least quota of the group and those above it counts, in either version")
    func quotas() throws {
        #expect(try quota("0::/a/b\n", ["a/cpu.max": "150000 100000\n"]) == 1.5)
        #expect(
            try quota(
                "0::/a/b\n",
                ["a/cpu.max": "400000 100000\n", "a/b/cpu.max": "300000 100000\n"]
            ) == 3
        )
        #expect(try quota("0::/a\n", ["a/cpu.max": "max 100000\n"]) == nil)
        #expect(
            try quota(
                "4:cpu,cpuacct:/x\n",
                ["cpu/x/cpu.cfs_quota_us": "50000\n", "cpu/x/cpu.cfs_period_us": "100000\n"]
            ) == 0.5
        )
        #expect(
            try quota(
                "4:cpu,cpuacct:/x\n",
                ["cpu/x/cpu.cfs_quota_us": "-1\n", "cpu/x/cpu.cfs_period_us": "100000\n"]
            ) == nil
        )
    }

    @Test(
        "nonsense in the kernel's files is no quota",
        arguments: ["", "x y\n", "0 0\n", "-5 10\n"]
    )
    func nonsense(text: String) throws {
        #expect(try quota("0::/\n", ["cpu.max": text]) == nil)
        #expect(ControlGroupQuota(groups: "/nowhere", root: "/nowhere").cores == nil)
    }

    @Test("there is always at least a part of a processor")
    func available() {
        #expect(MachineCores.available > 0)
        #expect(MachineCores.available <= Double(ProcessInfo.processInfo.activeProcessorCount))
    }
}
