import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(
    "A run's files on a full disk",
    .enabled(if: SmallDisk.isAvailable, "mounting a small disk needs root"),
    .timeLimit(.minutes(5))
)
struct FullDiskTests {
    let disk: SmallDisk
    let path: String

    init() throws {
        disk = try SmallDisk(kilobytes: 128)
        path = disk.path + "/run"
    }

    private func directory() throws -> RunDirectory {
        try RunDirectory.create(path: path, job: RunFixture.job(steps: 1000), configText: "")
    }

    private func isFull(_ body: () throws -> Void) -> Bool {
        let error = #expect(throws: OobleckError.self) { try body() }
        return error?.code == .storage && error?.message.contains("No space left") == true
    }

    @Test("a ledger line that did not fit is written once, whole, when there is space")
    func ledger() throws {
        let directory = try directory()
        let recorder = try RunRecorder(directory)
        var step = 0
        func next() -> CommittedStep {
            var next = RunFixture.step(1)
            (next.step, next.firstSample, next.endSample) = (step, 8 * step, 8 * step + 8)
            return next
        }
        for turn in 0..<3 {
            disk.fill()
            // The last block of the file still takes some lines.
            while step < 20 * (turn + 1) {
                do {
                    try recorder.append(next())
                    step += 1
                } catch { break }
            }
            for _ in 0..<3 { #expect(isFull { try recorder.append(next()) }) }
            disk.empty()
            try recorder.append(next())
            step += 1
        }
        let text = try String(contentsOfFile: directory.ledgerPath, encoding: .utf8)
        let lines = try text.split(separator: "\n").map {
            try JSONDecoder().decode(LedgerLine.self, from: Data($0.utf8))
        }
        #expect(lines.compactMap(\.committed?.step) == Array(0..<step))
        #expect(lines.map(\.previous) == [LedgerLine.genesis] + lines.dropLast().map(\.hash))
    }

    @Test("a piece of the final state, and its publication, can be repeated")
    func finalState() throws {
        let directory = try directory()
        let writer = try FinalStateWriter(directory, model: RunFixture.model, step: 5)
        let chunks = (0..<3).flatMap { RunFixture.chunks($0, generation: 1, size: 700) }
        disk.fill()
        var failures = 0
        for chunk in chunks {
            do {
                try writer.receive(chunk)
            } catch {
                failures += 1
                #expect(isFull { try writer.receive(chunk) })
                disk.empty()
                try writer.receive(chunk)
                disk.fill()
            }
        }
        #expect(failures > 0)
        #expect(isFull { _ = try writer.publish(layerDigests: RunFixture.layerDigests) })
        disk.empty()
        let state = try writer.publish(layerDigests: RunFixture.layerDigests)
        #expect(try writer.publish(layerDigests: RunFixture.layerDigests) == state)
        let checkpoint = try Checkpoint(path: directory.checkpointsPath + "/step-000005")
        #expect(checkpoint.violations() == [])
    }

    @Test("a run does not start there, and leaves nothing")
    func start() throws {
        disk.fill()
        #expect(isFull { _ = try directory() })
        let left = try FileManager.default.contentsOfDirectory(atPath: disk.path)
        #expect(left == [".filler"])
    }

    @Test("a whole file that did not fit leaves the old one, and nothing beside it")
    func wholeFile() throws {
        let file = disk.path + "/file"
        try AtomicFile.write([1], to: file)
        disk.fill()
        #expect(isFull { try AtomicFile.write([2, 3], to: file) })
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).count == 2)
        #expect(FileManager.default.contents(atPath: file) == Data([1]))
    }
}
