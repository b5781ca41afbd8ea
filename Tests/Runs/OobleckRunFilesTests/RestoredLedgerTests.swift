import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

/// Ledgers of runs that went back to a checkpoint.
@Suite(.timeLimit(.minutes(5))) struct RestoredLedgerTests {
    private func step(_ number: Int, generation: Generation = 2) -> CommittedStep {
        var step = RunFixture.step(number)
        step.generation = generation
        return step
    }

    private let back = RestoredRun(step: 2, generation: 2, stateSHA256: "ab")

    private func report(_ entries: [HistoryEntry]) throws -> VerificationReport {
        let run = try RunFixture(steps: [], finishes: false)
        var previous = LedgerLine.genesis
        var lines: [String] = []
        for entry in entries {
            let line = LedgerLine(chaining: entry, to: previous)
            lines.append(line.text)
            previous = line.hash
        }
        try run.write("ledger.jsonl", lines: lines)
        return try RunVerifier.verify(run.path)
    }

    /// Steps 0 to 3, back to 2, steps 2 to 4.
    private var wentBack: [HistoryEntry] {
        (0..<4).map { .step(RunFixture.step($0)) } + [.restored(back)]
            + (2..<5).map { .step(step($0)) }
    }

    @Test("a run that went back holds: every step and sample counts once")
    func holds() throws {
        let report = try report(wentBack)
        #expect(report.violations == [])
        #expect(report.steps == 5)
        #expect(report.restores == 1)
        #expect(report.stepsRedone == 2)
        #expect(report.samplesCommitted == 40)
        #expect(report.samplesLost == 0 && report.samplesRepeated == 0)
    }

    @Test("the writer chains a return as the verifier reads it")
    func recorder() throws {
        let run = try RunFixture(steps: (0..<4).map(RunFixture.step), finishes: false)
        let folder = try TemporaryFolder()
        let directory = try RunDirectory.create(
            path: folder.path + "/run",
            job: run.job,
            configText: ""
        )
        let recorder = try RunRecorder(directory)
        for number in 0..<4 { try recorder.append(RunFixture.step(number)) }
        try recorder.append(back)
        for number in 2..<5 { try recorder.append(step(number)) }
        let report = try RunVerifier.verify(directory.path)
        #expect(report.violations == [])
        #expect(report.steps == 5 && report.restores == 1)
        let text = try String(contentsOfFile: directory.ledgerPath, encoding: .utf8)
        let line = String(text.split(separator: "\n")[4])
        let read = try JSONDecoder().decode(LedgerLine.self, from: Data(line.utf8))
        #expect(read.entry == .restored(back))
        #expect(read.text == line)
    }

    @Test("a step done again with another loss or norm is found")
    func inexact() throws {
        for change in [{ $0.loss += 1e-15 }, { $0.gradientNorm += 1e-15 }]
            as [(inout CommittedStep) -> Void]
        {
            var entries = wentBack
            var other = step(3)
            change(&other)
            entries[6] = .step(other)
            let violations = try report(entries).violations
            #expect(violations.contains { $0.line == 7 && $0.message.contains("done again") })
        }
    }

    @Test("a return to a step never committed, or without what follows it, is found")
    func wrongReturns() throws {
        var entries = wentBack
        entries[4] = .restored(RestoredRun(step: 5, generation: 2, stateSHA256: "ab"))
        #expect(try report(entries).violations.contains { $0.line == 5 })
        entries = wentBack
        entries.remove(at: 5)
        #expect(try report(entries).violations.contains { $0.line == 6 })
        entries = wentBack
        entries.remove(at: 4)
        #expect(try report(entries).violations.contains { $0.message.contains("used again") })
        entries = wentBack
        entries[4] = .restored(RestoredRun(step: 2, generation: 0, stateSHA256: "ab"))
        #expect(try report(entries).violations.contains { $0.message.contains("generation") })
    }

    @Test("the restored state is held against the checkpoint, as long as that is there")
    func state() throws {
        let run = try RunFixture(finishes: false)
        let store = try CheckpointStore(path: run.path + "/checkpoints", job: run.job)
        let partial = store.partialPath(step: 2, generation: 0)
        try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
        let layers = try (0..<3).map { layer in
            let header = StateDigest.header(ofLayer: layer, model: RunFixture.model).bytes.count
            return try LayerFile.write(
                Array(RunFixture.layerFile(layer)[header...]),
                ofLayer: layer,
                model: RunFixture.model,
                to: partial
            )
        }
        try store.publish(
            CheckpointPublication(generation: 0, step: 2, corpusDigest: nil, layers: layers)
        )
        let right = StateDigest.state(step: 2, layerDigests: layers.map(\.sha256))
        for (digest, isRight) in [(right, true), (String(right.reversed()), false)] {
            var previous = LedgerLine.genesis
            var lines: [String] = []
            var entries = wentBack
            entries[4] = .restored(RestoredRun(step: 2, generation: 2, stateSHA256: digest))
            for entry in entries {
                let line = LedgerLine(chaining: entry, to: previous)
                lines.append(line.text)
                previous = line.hash
            }
            try run.write("ledger.jsonl", lines: lines)
            #expect(try RunVerifier.verify(run.path).isIntact == isRight)
        }
    }
}
