import Foundation
import OobleckCore
import OobleckDrills
import OobleckRunFiles
import Testing

/// Faults of the checkpoint store under real runs: training goes on to the same end, the last good
/// checkpoint stays, and the fault is named.
@Suite("Faults of the checkpoint store", .serialized, .timeLimit(.minutes(10)))
struct CheckpointFaultTests {
    private static let hasCompiler = FaultyDisk.compiler != nil
    private static let isRoot = geteuid() == 0

    private func expectSame(_ laboratory: Laboratory) throws {
        let expected = try Undisturbed.result.get()
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.finalLoss == expected.finalLoss)
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }

    private func failures(_ laboratory: Laboratory) throws -> String {
        try laboratory.events("run", .checkpointFailed).map {
            guard case .checkpointFailed(let failed) = $0.content else { return "untyped" }
            return failed.reason
        }
        .joined(separator: "\n")
    }

    private func shell(_ command: String) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        do { try process.run() } catch { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test(
        "a full disk fails later saves, the first stays, and is what a run goes back to",
        .enabled(if: isRoot, "mounting a small tmpfs needs root")
    )
    func fullDisk() throws {
        let laboratory = try Laboratory()
        let disk = laboratory.path("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        // Room for one checkpoint of 4.1 MB, not for two.
        try #require(shell("mount -t tmpfs -o size=6m tmpfs \(disk)") == 0, "cannot mount a tmpfs")
        defer { _ = shell("umount -l \(disk)") }
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                UndisturbedLong.arguments
                    + ["--checkpoint-every", "6", "--checkpoint-directory", disk]
            )
        )
        try #require(waitUntil(60) { (try? failures(laboratory).isEmpty) == false })
        _ = try laboratory.killHoldersOfFirstLayer("run")
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let named = try failures(laboratory)
        #expect(named.contains("No space left"), "\(named)")
        #expect(named.contains(disk), "\(named)")
        let result = try laboratory.result("run")
        #expect(result.restores?.map(\.step) == [6])
        #expect(result.stateSHA256 == (try UndisturbedLong.result.get()).stateSHA256)
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        #expect(report.verifiedCheckpoints.contains(6))
    }

    @Test(
        "writes that fail are named, and nothing is published",
        .enabled(if: hasCompiler, "needs a C compiler")
    )
    func inputOutputError() async throws {
        let laboratory = try Laboratory()
        let disk = try await FaultyDisk(
            .inputOutputError,
            match: "layer-003",
            folder: laboratory.folder
        )
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--checkpoint-every", "2"]),
            environment: disk.environment
        )
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let named = try failures(laboratory)
        #expect(named.contains("layer-003.safetensors: Input/output error"), "\(named)")
        #expect(try laboratory.events("run", .checkpointSaved).isEmpty)
        try expectSame(laboratory)
    }

    @Test(
        "a write that the disk tears or alters and calls done is found before anyone relies on it",
        .enabled(if: hasCompiler, "needs a C compiler"),
        arguments: [
            (FaultyDisk.Fault.torn, "bytes after"),
            (.flipped, "does not have the bytes that were written to it"),
        ]
    )
    func silent(fault: FaultyDisk.Fault, what: String) async throws {
        let laboratory = try Laboratory()
        let disk = try await FaultyDisk(fault, match: "layer-002", folder: laboratory.folder)
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--checkpoint-every", "2"]),
            environment: disk.environment
        )
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let named = try failures(laboratory)
        #expect(named.contains("layer-002.safetensors "), "\(named)")
        #expect(named.contains(what), "\(named)")
        #expect(try laboratory.events("run", .checkpointSaved).isEmpty)
        try expectSame(laboratory)
    }

    @Test(
        "on a disk that takes seconds the steps go on, and what cannot be saved meanwhile is named",
        .enabled(if: hasCompiler, "needs a C compiler")
    )
    func slow() async throws {
        let laboratory = try Laboratory()
        let disk = try await FaultyDisk(.slow, match: "layer-", folder: laboratory.folder)
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--checkpoint-every", "2"]),
            environment: disk.environment
        )
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let warnings = try laboratory.events("run", .warning).map(\.content)
        let isTold = warnings.contains {
            if case .warning(.checkpointSkipped(let step, let writing)) = $0 {
                step > writing
            } else {
                false
            }
        }
        #expect(isTold, "\(warnings)")
        try expectSame(laboratory)
    }

    @Test("beyond the limit on file sizes of the workers, saves fail and the workers live")
    func sizeLimit() throws {
        let laboratory = try Laboratory()
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                UndisturbedLong.arguments + ["--checkpoint-every", "20"]
            )
        )
        #expect(waitUntil(60) { (laboratory.status("run")?.step ?? 0) > 0 })
        for pid in try #require(laboratory.status("run")).nodes.flatMap(\.workerPIDs) {
            try #require(shell("prlimit --pid \(pid) --fsize=300000:300000") == 0)
        }
        let outcome = try running.wait(deadline: 60)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let named = try failures(laboratory)
        #expect(named.contains("File too large"), "\(named)")
        #expect(try laboratory.result("run").failures == 0)
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == (try UndisturbedLong.result.get()).stateSHA256)
    }

    @Test("an altered byte, a missing shard and another run's files are named and passed over")
    func damaged() throws {
        let laboratory = try Laboratory()
        let steps = ["--steps", "150"]
        let other = try laboratory.train(
            "other",
            ["--reference", "--seed", "9", "--steps", "50"]
        )
        try #require(other.status == 0, "\(other.errors)")
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                steps + ["--checkpoint-every", "20", "--checkpoint-keep", "9"]
            )
        )
        let saves = laboratory.path("run/checkpoints")
        try #require(waitUntil(60) { laboratory.status("run")?.checkpointStep == 60 })
        // Newest first: another run's, an altered byte, a missing shard.
        try FileManager.default.copyItem(
            atPath: laboratory.path("other/checkpoints/step-000050"),
            toPath: saves + "/step-000050"
        )
        let altered = saves + "/step-000060/layer-004.safetensors"
        var data = try Data(contentsOf: URL(fileURLWithPath: altered))
        data[data.count / 2] ^= 16
        try data.write(to: URL(fileURLWithPath: altered))
        try FileManager.default.removeItem(atPath: saves + "/step-000040/layer-006.safetensors")
        // All nodes that hold the first layer die, and with them every copy of it.
        for node in try #require(laboratory.status("run")).nodes where node.stages.contains(0) {
            for pid in node.workerPIDs { kill(pid_t(pid), SIGKILL) }
        }
        let outcome = try running.wait(deadline: 90)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let named = try laboratory.events("run", .checkpointDamaged).map {
            guard case .checkpointDamaged(_, let reason) = $0.content else { return "untyped" }
            return reason
        }
        #expect(named.contains { $0.contains("step-000060/layer-004") }, "\(named)")
        #expect(named.contains { $0.contains("step-000050 belongs to another job") }, "\(named)")
        #expect(named.contains { $0.contains("step-000040/layer-006") }, "\(named)")
        let result = try laboratory.result("run")
        #expect(result.restores?.map(\.step) == [20])
        let reference = try laboratory.train("long", ["--reference"] + steps)
        try #require(reference.status == 0, "\(reference.errors)")
        #expect(result.stateSHA256 == (try laboratory.result("long")).stateSHA256)
        // The damaged ones were saved anew on the way; the stranger was left alone.
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.violations.count == 1, "\(report.violations)")
        #expect(report.violations.allSatisfy { $0.message.contains("another job") })
        #expect(Set([20, 40, 60]).isSubset(of: report.verifiedCheckpoints))
    }
}
