import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(
    "Storage that fails for a while",
    .serialized,
    .enabled(if: SmallDisk.isAvailable, "mounting a small disk needs root"),
    .timeLimit(.minutes(10))
)
struct StorageTests {
    private static let steps = 60

    private let laboratory: Laboratory
    private let disk: SmallDisk
    private let run: String

    init() throws {
        laboratory = try Laboratory()
        disk = try SmallDisk(kilobytes: 16 << 10)
        run = disk.path + "/run"
    }

    private func start(_ arguments: [String] = []) throws -> Running {
        try laboratory.start(
            [
                "train", laboratory.path("job.yaml"), "--run-dir", run, "--profile",
                laboratory.path("profile.json"), "--steps", "\(Self.steps)",
            ] + arguments
        )
    }

    private var committed: Int {
        do { return try LedgerEnd(path: run + "/ledger.jsonl").steps } catch { return 0 }
    }

    @Test("a full disk holds a run up, a stop is obeyed there, and the result stays the same")
    func fullDisk() throws {
        let reference = try laboratory.train(
            "reference",
            ["--reference", "--steps", "\(Self.steps)"]
        )
        try #require(reference.status == 0, "\(reference.errors)")
        let training = try start()
        try #require(waitUntil(60) { committed >= 3 })
        disk.fill()
        try #require(waitUntil(60) { training.output.contains("storage fails, the run waits") })
        // Longer than the detection budget.
        hold(3)
        let (held, nodes) = (committed, try laboratory.orphans(of: run).count)
        #expect(held < Self.steps)
        disk.empty()
        try #require(waitUntil(30) { committed > held })
        disk.fill()
        try #require(
            waitUntil(60) { training.output.components(separatedBy: "storage fails").count > 2 }
        )
        training.signal(SIGINT)
        let stopped = try training.wait(deadline: 20)
        #expect(stopped.status == 75, "\(stopped.errors)")
        #expect(stopped.errors.contains("No space left on device"), "\(stopped.errors)")
        // All but the coordinator: the nodes keep the run's state.
        #expect(try laboratory.orphans(of: run).count == nodes - 1)
        #expect(!stopped.output.contains("is lost"))
        disk.empty()
        let resumed = try laboratory.run(["train", "--resume", run])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(
            try RunDirectory.open(path: run).result().stateSHA256
                == laboratory.result("reference").stateSHA256
        )
        #expect(try laboratory.run(["verify", run]).status == 0)
        #expect(waitUntil(5) { (try? laboratory.orphans(of: run).isEmpty) == true })
    }

    @Test(
        "a run makes room for its final state: first older checkpoints go, then the newest",
        arguments: [2.3, 1.3]
    )
    func makesRoom(states: Double) throws {
        let reference = try laboratory.train("reference", ["--reference"])
        try #require(reference.status == 0, "\(reference.errors)")
        let folder = laboratory.path("reference/checkpoints/step-00000\(Laboratory.steps)")
        let state = try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) {
            let file = try FileManager.default.attributesOfItem(atPath: folder + "/" + $1)
            return $0 + (file[.size] as? Int ?? 0)
        }
        // What a run keeps besides takes less than the last term.
        let small = try SmallDisk(kilobytes: Int(states * Double(state)) >> 10 + 512)
        let outcome = try laboratory.run([
            "train", laboratory.path("job.yaml"), "--run-dir", small.path + "/run", "--profile",
            laboratory.path("profile.json"), "--checkpoint-every", "2",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            try RunDirectory.open(path: small.path + "/run").result().stateSHA256
                == laboratory.result("reference").stateSHA256
        )
        #expect(try laboratory.run(["verify", small.path + "/run"]).status == 0)
    }

    @Test("a run does not start on a full disk, and leaves nothing")
    func noStart() throws {
        disk.fill()
        for arguments in [[], ["--reference"]] {
            let outcome = try start(arguments).wait(deadline: 60)
            #expect(outcome.status == 74)
            #expect(outcome.errors.contains("No space left on device"), "\(outcome.errors)")
            #expect(outcome.errors.split(separator: "\n").count == 1)
            #expect(!FileManager.default.fileExists(atPath: run))
        }
    }
}
