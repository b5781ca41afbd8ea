import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// A machine that loses power while it runs a whole cluster: every process is gone, and of each file
/// there is what had reached the device.
@Suite("A loss of power", .serialized, .timeLimit(.minutes(10)))
struct PowerLossTests {
    /// What had reached the device of a run's files.
    private struct Remains {
        /// The database is of before the return to a checkpoint.
        var isDatabaseOld = false
        /// So many of the ledger's newest lines are lost.
        var lostLines = 0
    }

    private let laboratory: Laboratory
    /// The database from before the run went back to a checkpoint.
    private let oldDatabase: [String]

    /// Trains, loses more than f nodes so that the run goes back to a checkpoint, commits some steps
    /// more, and kills every process.
    init() throws {
        laboratory = try Laboratory()
        let path = laboratory.path("run")
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                UndisturbedLong.arguments + ["--checkpoint-every", "4"]
            )
        )
        let laboratory = laboratory
        try #require(waitUntil(60) { (laboratory.status("run")?.checkpointStep ?? 0) >= 8 })
        let names = ["coordinator.sqlite", "coordinator.sqlite-wal"]
        oldDatabase = names.filter { name in
            do {
                try FileManager.default.copyItem(
                    atPath: path + "/" + name,
                    toPath: laboratory.path("old-" + name)
                )
                return true
            } catch {
                return false
            }
        }
        _ = try laboratory.killHoldersOfFirstLayer("run")
        try #require(waitUntil(60) { Self.stepsSinceReturn(path) >= 3 })
        let agents = try #require(laboratory.status("run")).nodes.compactMap(\.agentPID)
        running.signal(SIGKILL)
        for agent in agents { kill(-pid_t(agent), SIGKILL) }
        _ = try running.wait(deadline: 20)
        try #require(waitUntil(10) { (try? laboratory.orphans().isEmpty) == true })
    }

    private static func stepsSinceReturn(_ run: String) -> Int {
        do {
            let history = try LedgerEnd.history(path: run + "/ledger.jsonl")
            return history.restored.map { history.steps - $0.step } ?? -1
        } catch {
            return -1
        }
    }

    /// Resumes a copy of the run of which only that is left, and checks its end.
    private func resume(_ remains: Remains, as name: String) throws {
        let (files, copy) = (FileManager.default, laboratory.path("run"))
        try files.moveItem(atPath: copy, toPath: laboratory.path("whole"))
        defer {
            try? files.removeItem(atPath: laboratory.path("run"))
            try? files.moveItem(atPath: laboratory.path("whole"), toPath: laboratory.path("run"))
        }
        try files.copyItem(atPath: laboratory.path("whole"), toPath: copy)
        let ledger = copy + "/ledger.jsonl"
        let lines = try String(contentsOfFile: ledger, encoding: .utf8).split(separator: "\n")
        let kept = lines.dropLast(remains.lostLines).map { $0 + "\n" }.joined()
        try kept.write(toFile: ledger, atomically: true, encoding: .utf8)
        if remains.isDatabaseOld {
            for name in ["coordinator.sqlite", "coordinator.sqlite-wal", "coordinator.sqlite-shm"] {
                try? files.removeItem(atPath: copy + "/" + name)
            }
            for name in oldDatabase {
                try files.copyItem(
                    atPath: laboratory.path("old-" + name),
                    toPath: copy + "/" + name
                )
            }
        }
        let outcome = try laboratory.run(["train", "--resume", copy])
        #expect(outcome.status == 0, "\(name): \(outcome.errors)")
        guard outcome.status == 0 else { return }
        let result = try laboratory.result("run")
        let expected = try UndisturbedLong.result.get()
        #expect(result.stateSHA256 == expected.stateSHA256, "\(name)")
        #expect(result.samplesRepeated == 0, "\(name)")
        let report = try RunVerifier.verify(copy)
        #expect(report.isIntact, "\(name): \(report.violations)")
    }

    @Test("takes nothing from the result, whatever each file lost")
    func everyKind() throws {
        let path = laboratory.path("run/ledger.jsonl")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(separator: "\n")
        let back = try #require(lines.lastIndex { $0.hasPrefix("{\"restored\"") })
        let since = lines.count - back
        try resume(Remains(), as: "nothing is lost")
        try resume(Remains(lostLines: 2), as: "the ledger lacks two steps")
        try resume(Remains(isDatabaseOld: true), as: "the database is of before the return")
        try resume(
            Remains(isDatabaseOld: true, lostLines: since - 1),
            as: "the ledger ends with the return, the database is of before"
        )
        try resume(Remains(lostLines: since - 1), as: "the ledger ends with the return")
        try resume(Remains(lostLines: since), as: "the ledger lacks the return")
        try resume(Remains(lostLines: since + 2), as: "the ledger lacks steps before the return")
    }
}
