import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct RunVerifierTests {
    private func violations(_ run: RunFixture) throws -> [RunViolation] {
        try RunVerifier.verify(run.path).violations
    }

    @Test("an untouched run holds, with every sample used once")
    func intact() throws {
        let run = try RunFixture()
        let report = try RunVerifier.verify(run.path)
        #expect(report.violations == [])
        #expect(report.steps == 5)
        #expect(report.generations == 2)
        #expect(report.samplesCommitted == 40)
        #expect(report.samplesLost == 0)
        #expect(report.samplesRepeated == 0)
        #expect(report.verifiedCheckpoints == [5])
        #expect(report.isFinished)
        #expect(
            report.stateSHA256
                == StateDigest.state(step: 5, layerDigests: RunFixture.layerDigests)
        )
    }

    @Test("a run that is not finished holds as far as it got")
    func unfinished() throws {
        let run = try RunFixture(steps: [RunFixture.step(0)], finishes: false)
        let report = try RunVerifier.verify(run.path)
        #expect(report.isIntact)
        #expect(!report.isFinished)
        #expect(report.steps == 1)
    }

    @Test("a final state that is not evaluated is a violation, unless the run says why")
    func finalState() throws {
        let run = try RunFixture()
        var job = RunFixture.job()
        job.validation = ValidationSpecification(every: 100, dataPath: "/b.txt")
        let directory = try RunDirectory.open(path: run.path)
        try JSONEncoder().encode(job).write(to: URL(fileURLWithPath: directory.jobPath))
        let first = "step 0 follows a state that was not evaluated; evaluate.every is 100"
        let last = "the last state is not evaluated, which is due at the end of a run"
        #expect(try violations(run).map(\.message) == [first, last])
        let reason = "1 node is left"
        try RunRecorder(directory).log(
            RunEvent(generation: 1, step: 5, .warning(.finalStateNotEvaluated(reason: reason)))
        )
        #expect(try violations(run).map(\.message) == [first])
    }

    @Test("any altered byte of the ledger is found, in its line", arguments: UInt64(0)..<40)
    func alteredLedger(seed: UInt64) throws {
        let run = try RunFixture()
        var generator = SeededGenerator(state: seed)
        var bytes = try run.read("ledger.jsonl")
        let index = Int.random(in: bytes.indices, using: &generator)
        bytes[index] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
        let line = try run.read("ledger.jsonl")[..<index].filter { $0 == 10 }.count + 1
        try run.write("ledger.jsonl", bytes)
        let found = try violations(run)
        #expect(
            found.contains { $0.file.hasSuffix("ledger.jsonl") && $0.line == line },
            "seed \(seed), byte \(index): \(found)"
        )
    }

    @Test("a line removed, repeated, swapped or added is found")
    func alteredLines() throws {
        let run = try RunFixture()
        let lines = try run.lines("ledger.jsonl")
        let other = LedgerLine(chaining: RunFixture.step(5), to: LedgerLine.genesis).text
        let changes: [(name: String, lines: [String], line: Int?)] = [
            ("first removed", Array(lines[1...]), 1),
            ("middle removed", Array(lines[..<2] + lines[3...]), 3),
            ("last removed", Array(lines[..<4]), nil),
            ("repeated", Array(lines[...2] + lines[2...]), 4),
            ("swapped", [lines[0], lines[2], lines[1], lines[3], lines[4]], 2),
            ("added", lines + [other], 6),
            ("emptied", [], nil),
        ]
        for change in changes {
            try run.write("ledger.jsonl", lines: change.lines)
            let found = try violations(run)
            #expect(!found.isEmpty, "\(change.name)")
            if let line = change.line {
                #expect(found.contains { $0.line == line }, "\(change.name): \(found)")
            }
        }
    }

    /// A ledger with a right chain over wrong steps: only the meaning gives it away.
    private func report(_ steps: [CommittedStep]) throws -> VerificationReport {
        let run = try RunFixture(steps: [], finishes: false)
        var previous = LedgerLine.genesis
        var lines: [String] = []
        for step in steps {
            let line = LedgerLine(chaining: step, to: previous)
            lines.append(line.text)
            previous = line.hash
        }
        try run.write("ledger.jsonl", lines: lines)
        return try RunVerifier.verify(run.path)
    }

    @Test("samples lost and repeated are counted")
    func samples() throws {
        var steps = (0..<5).map(RunFixture.step)
        #expect(try report(steps).isIntact)
        steps[2].firstSample += 3
        let lost = try report(steps)
        #expect(lost.samplesLost == 3)
        #expect(lost.violations.contains { $0.line == 3 })
        steps[2].firstSample -= 5
        let repeated = try report(steps)
        #expect(repeated.samplesRepeated == 2)
        #expect(repeated.samplesLost == 0)
        steps[2].firstSample = .max - 1
        steps[2].endSample = .max
        #expect(try !report(steps).isIntact)
        steps[2].firstSample = .min
        #expect(try !report(steps).isIntact)
    }

    @Test("steps out of order and generations that go back are found")
    func order() throws {
        var steps = (0..<5).map(RunFixture.step)
        steps[3].step = 4
        #expect(try report(steps).violations.contains { $0.line == 4 })
        steps = (0..<5).map(RunFixture.step)
        steps[1].generation = 5
        #expect(try report(steps).violations.contains { $0.line == 3 })
        steps = (1..<5).map(RunFixture.step)
        #expect(try report(steps).violations.contains { $0.line == 1 })
    }

    @Test("a truncated last line of ledger or event log is named")
    func truncation() throws {
        for name in ["ledger.jsonl", "events.jsonl"] {
            for cut in [1, 20, 60] {
                let run = try RunFixture()
                try run.write(name, try run.read(name).dropLast(cut))
                let found = try violations(run)
                #expect(
                    found.contains {
                        $0.file.hasSuffix(name) && $0.line == 5 && $0.message.contains("truncated")
                    },
                    "\(found)"
                )
            }
        }
    }

    @Test("any altered byte of a layer's file is found in that file", arguments: UInt64(0)..<40)
    func alteredLayer(seed: UInt64) throws {
        let run = try RunFixture()
        var generator = SeededGenerator(state: seed)
        let layer = Int.random(in: 0..<3, using: &generator)
        let name = "checkpoints/step-000005/layer-00\(layer).safetensors"
        var bytes = try run.read(name)
        // Half of the cases in length and header, half in the data.
        let headerSize = StateDigest.header(ofLayer: layer, model: RunFixture.model).bytes.count
        let range = seed % 2 == 0 ? 0..<headerSize : headerSize..<bytes.count
        let index = Int.random(in: range, using: &generator)
        bytes[index] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
        try run.write(name, bytes)
        let report = try RunVerifier.verify(run.path)
        #expect(report.violations.contains { $0.file.hasSuffix(name) }, "seed \(seed)")
        #expect(report.verifiedCheckpoints == [])
    }

    @Test("a layer's file cut off, lengthened or missing is found")
    func tornLayer() throws {
        let name = "checkpoints/step-000005/layer-001.safetensors"
        let run = try RunFixture()
        let bytes = try run.read(name)
        for torn in [[], Array(bytes.dropLast()), bytes + [0]] {
            try run.write(name, torn)
            #expect(try violations(run).contains { $0.file.hasSuffix(name) })
        }
        try FileManager.default.removeItem(atPath: run.path + "/" + name)
        #expect(try violations(run).contains { $0.file.hasSuffix(name) })
    }

    @Test(
        "an altered value of the manifest or the result is found",
        arguments: [
            (
                "checkpoints/step-000005/manifest.json", "\"state_sha256\" : \"",
                "\"state_sha256\" : \"0"
            ),
            ("checkpoints/step-000005/manifest.json", "\"step\" : 5", "\"step\" : 6"),
            ("checkpoints/step-000005/manifest.json", "\"version\" : 1", "\"version\" : 2"),
            ("checkpoints/step-000005/manifest.json", "\"hidden\" : 4", "\"hidden\" : 8"),
            ("checkpoints/step-000005/manifest.json", "\"blocks\" : 1", "\"blocks\" : -7"),
            ("checkpoints/step-000005/manifest.json", "\"heads\" : 2", "\"heads\" : 1"),
            ("checkpoints/step-000005/manifest.json", "layer-001", "../../x"),
            ("checkpoints/step-000005/manifest.json", "\"sha256\" : \"", "\"sha256\" : \"0"),
            (
                "checkpoints/step-000005/manifest.json", "\"file_sha256\" : \"",
                "\"file_sha256\" : \"0"
            ),
            ("checkpoints/step-000005/manifest.json", "\"bytes\" : ", "\"bytes\" : 1"),
            ("checkpoints/step-000005/manifest.json", "{", "["),
            ("result.json", "\"steps\" : 5", "\"steps\" : 4"),
            ("result.json", "\"final_loss\" : 5", "\"final_loss\" : 4"),
            ("result.json", "\"state_sha256\" : \"", "\"state_sha256\" : \"0"),
            ("result.json", "\"samples_committed\" : 40", "\"samples_committed\" : 41"),
            ("result.json", "\"samples_repeated\" : 0", "\"samples_repeated\" : 1"),
            ("result.json", "{", ""),
        ]
    )
    func alteredDocuments(name: String, old: String, new: String) throws {
        let run = try RunFixture()
        let text = String(decoding: try run.read(name), as: UTF8.self)
        let changed = text.replacing(old, with: new, maxReplacements: 1)
        try #require(changed != text)
        try run.write(name, Array(changed.utf8))
        #expect(try !RunVerifier.verify(run.path).isIntact)
    }

    @Test("a finished run without its checkpoint does not hold")
    func missingCheckpoint() throws {
        let run = try RunFixture()
        try FileManager.default.removeItem(atPath: run.path + "/checkpoints/step-000005")
        #expect(try violations(run).contains { $0.file.hasSuffix("result.json") })
    }

    @Test("what is no run directory is bad input")
    func notARun() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: OobleckError.self) { try RunVerifier.verify(folder.path) }
        #expect(error?.code == .inputData)
    }
}
