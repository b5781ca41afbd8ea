import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("Evaluations in jobs, ledgers and their verification", .timeLimit(.minutes(10)))
struct EvaluationRecordTests {
    private static func evaluation(
        _ step: Int,
        _ generation: Int = 0,
        samples: Int = 16,
        loss: Double = 2.5,
        targets: Int? = nil
    ) -> RecordedEvaluation {
        RecordedEvaluation(
            step: step,
            generation: Generation(generation),
            samples: samples,
            loss: loss,
            targets: targets
        )
    }

    @Test("a line of the ledger says the same when it is read again")
    func lines() throws {
        for evaluation in [
            Self.evaluation(0), Self.evaluation(7, 3, samples: 96, loss: 0.1 + 0.2, targets: 4711),
        ] {
            let line = LedgerLine(chaining: .evaluation(evaluation), to: LedgerLine.genesis)
            let again = try JSONDecoder().decode(LedgerLine.self, from: Data(line.text.utf8))
            #expect(again == line)
            #expect(line.text.hasPrefix("{\"evaluated\":\(evaluation.step),"))
        }
        let line = LedgerLine(
            chaining: .evaluation(Self.evaluation(1, loss: .infinity)),
            to: LedgerLine.genesis
        )
        #expect(line.text.contains("\"loss\":null"))
        let again = try JSONDecoder().decode(LedgerLine.self, from: Data(line.text.utf8))
        #expect(again.text == line.text)
    }

    private func newRun(in folder: TemporaryFolder, every: Int? = nil) throws -> RunDirectory {
        var job = RunFixture.job()
        job.validation = every.map { ValidationSpecification(every: $0, dataPath: "/b.txt") }
        return try RunDirectory.create(path: folder.path + "/run", job: job, configText: "")
    }

    /// What the verifier says of a ledger with these entries.
    private func verified(
        _ entries: [HistoryEntry],
        every: Int? = nil
    ) throws -> VerificationReport {
        let folder = try TemporaryFolder()
        let directory = try newRun(in: folder, every: every)
        var previous = LedgerLine.genesis
        var text = ""
        for entry in entries {
            let line = LedgerLine(chaining: entry, to: previous)
            (previous, text) = (line.hash, text + line.text + "\n")
        }
        try text.write(toFile: directory.ledgerPath, atomically: true, encoding: .utf8)
        return try RunVerifier.verifyLedger(of: directory)
    }

    @Test("evaluations between steps are counted, and change no sum")
    func counted() throws {
        let report = try verified([
            .evaluation(Self.evaluation(0)), .step(RunFixture.step(0)),
            .step(RunFixture.step(1)), .evaluation(Self.evaluation(2)), .step(RunFixture.step(2)),
        ])
        #expect(report.violations.isEmpty)
        #expect(report.evaluations == 2 && report.steps == 3 && report.samplesCommitted == 24)
    }

    @Test(
        "what makes no sense is a violation with its line",
        arguments: [
            ([.evaluation(evaluation(1))], "step 1 is evaluated after 0 steps"),
            ([.evaluation(evaluation(0, samples: 12))], "are no whole batches of 8"),
            ([.evaluation(evaluation(0, samples: 0))], "are no whole batches of 8"),
            (
                [.evaluation(evaluation(0)), .evaluation(evaluation(0, loss: 2.4))],
                "step 0, evaluated again, has loss 2.4; the first time it had 2.5"
            ),
            (
                [.evaluation(evaluation(0, 3)), .step(RunFixture.step(0))],
                "generation 0 follows generation 3"
            ),
        ] as [([HistoryEntry], String)]
    )
    func violations(entries: [HistoryEntry], what: String) throws {
        let report = try verified(entries)
        #expect(report.violations.count == 1)
        let violation = try #require(report.violations.first)
        #expect(violation.message.contains(what), "\(violation.message)")
        #expect(violation.line == entries.count)
    }

    @Test("a step that follows a state which was due and not evaluated is a violation")
    func missing() throws {
        let evaluation = { HistoryEntry.evaluation(Self.evaluation($0, 1)) }
        let step = { (number: Int) -> HistoryEntry in
            var step = RunFixture.step(number)
            step.generation = 1
            return .step(step)
        }
        let restored = HistoryEntry.restored(
            RestoredRun(step: 2, generation: 1, stateSHA256: "s")
        )
        let whole = [evaluation(0), step(0), step(1), evaluation(2), step(2), step(3)]
        #expect(try verified(whole, every: 2).violations.isEmpty)
        #expect(try verified(whole + [evaluation(4), step(4)], every: 2).violations.isEmpty)
        let back = whole + [restored, evaluation(2), step(2)]
        #expect(try verified(back, every: 2).violations.isEmpty)
        let broken: [([HistoryEntry], Int)] = [
            ([step(0)], 0), (whole + [step(4)], 4), (whole + [restored, step(2)], 2),
        ]
        for (entries, number) in broken {
            let violations = try verified(entries, every: 2).violations
            #expect(violations.count == 1 && violations.first?.line == entries.count)
            let what = "step \(number) follows a state that was not evaluated; evaluate.every is 2"
            #expect(violations.first?.message == what)
        }
    }

    @Test("an evaluation that is written again after a failure of the disk is one line")
    func writtenAgain() throws {
        let folder = try TemporaryFolder()
        let directory = try newRun(in: folder)
        let recorder = try RunRecorder(directory)
        for _ in 0..<2 { try recorder.append(Self.evaluation(0)) }
        #expect(try RunVerifier.verifyLedger(of: directory).evaluations == 1)
        let text = try String(contentsOfFile: directory.ledgerPath, encoding: .utf8)
        #expect(text.split(separator: "\n").count == 1)
    }

    @Test(
        "the same state evaluated once more has to come to the same; more samples are another matter"
    )
    func again() throws {
        let report = try verified([
            .evaluation(Self.evaluation(0)), .evaluation(Self.evaluation(0)),
            .evaluation(Self.evaluation(0, samples: 24, loss: 7)),
        ])
        #expect(report.violations.isEmpty && report.evaluations == 1)
    }

    @Test("a ledger that ends with an evaluation is continued by the step that is next")
    func end() throws {
        let folder = try TemporaryFolder()
        let directory = try newRun(in: folder)
        do {
            let recorder = try RunRecorder(directory)
            try recorder.append(Self.evaluation(0))
            try recorder.append(RunFixture.step(0))
            try recorder.append(Self.evaluation(1))
            #expect(throws: OobleckError.self) { try recorder.append(Self.evaluation(3)) }
        }
        let recorder = try RunRecorder(directory)
        #expect(recorder.committedSteps == 1)
        try recorder.append(RunFixture.step(1))
        try recorder.synchronize()
        #expect(try RunVerifier.verifyLedger(of: directory).violations.isEmpty)
        #expect(try LedgerEnd.history(path: directory.ledgerPath).evaluated == Self.evaluation(1))
    }

    @Test("an evaluation of before the newest return to a checkpoint counts no more")
    func takenBack() throws {
        let folder = try TemporaryFolder()
        let directory = try newRun(in: folder)
        let recorder = try RunRecorder(directory)
        try recorder.append(Self.evaluation(0))
        try recorder.append(RunFixture.step(0))
        try recorder.append(RestoredRun(step: 0, generation: 1, stateSHA256: "s"))
        #expect(try LedgerEnd.history(path: directory.ledgerPath).evaluated == nil)
        try recorder.append(Self.evaluation(0, 1))
        #expect(
            try LedgerEnd.history(path: directory.ledgerPath).evaluated == Self.evaluation(0, 1)
        )
    }

    private func job(_ text: String) throws -> JobSpecification {
        let folder = try TemporaryFolder()
        let path = folder.path + "/job.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try JobFile.load(path: path)
    }

    @Test("a job says what is evaluated, how often and on how much")
    func jobs() throws {
        let plain = try job("data: {corpus: a.txt}\nmodel: {vocabulary: 256}\n")
        #expect(plain.validation == nil && !plain.isEvaluated(after: 0))
        var known = try job("data: {corpus: a.txt, validation: /b.txt}\n")
        #expect(known.validation == ValidationSpecification(every: 100, dataPath: "/b.txt"))
        known = try job(
            "data: {corpus: a.txt, validation: /b.txt}\nevaluate: {every: 4, batches: 3}\n"
                + "training: {steps: 10}\n"
        )
        #expect(
            known.validation == ValidationSpecification(every: 4, batches: 3, dataPath: "/b.txt")
        )
        #expect((0...10).filter { known.isEvaluated(after: $0) } == [0, 4, 8, 10])
        for (text, bytes) in [("", nil), (", token_bytes: 4", 4)] as [(String, Int?)] {
            known = try job("data: {corpus: a.bin, validation: {corpus: /b.bin\(text)}}\n")
            let format = ValidationSpecification.Format(tokenBytes: bytes)
            let wanted = ValidationSpecification(every: 100, dataPath: "/b.bin", format: format)
            #expect(known.validation == wanted)
            let again = try JSONDecoder().decode(
                JobSpecification.self,
                from: try JSONEncoder().encode(known)
            )
            #expect(again.validation == wanted)
        }
    }

    @Test(
        "what makes no sense in a job is told with its key",
        arguments: [
            ("data: {corpus: a}\nevaluate: {every: 5}\n", "data.validation is missing; evaluate"),
            ("data: {corpus: a, validation: ''}\n", "data.validation is empty"),
            ("data: {corpus: a, validation: {columns: b}}\n", "has the key columns; the training"),
            ("data: {corpus: a, validation: {token_bytes: 4}}\n", "names no corpus, which the"),
            (
                "data: {corpus: a, validation: {corpus: b, token_bytes: 3}}\n",
                "has token_bytes 3; it must be 1, 2, 4 or 8"
            ),
            (
                "data: {corpus: a, validation: [b]}\n",
                "data.validation is a list; it must be a single value"
            ),
            (
                "data: {corpus: a, validation: b}\nevaluate: {every: 0}\n",
                "evaluate.every is 0; it must be at least 1"
            ),
            (
                "data: {corpus: a, validation: b}\nevaluate: {batches: 0}\n",
                "evaluate.batches is 0; it must be at least 1"
            ),
            (
                "data: {corpus: a, validation: b}\nevaluate: {evry: 5}\n",
                "unknown key evry in evaluate; did you mean every?"
            ),
        ]
    )
    func mistakes(text: String, what: String) throws {
        do {
            _ = try job(text)
            Issue.record("the job is taken")
        } catch let error as OobleckError {
            #expect(([error.message] + error.details).contains { $0.contains(what) }, "\(error)")
        }
    }

    @Test("a job that evaluates has the states of one that does not")
    func fingerprint() throws {
        var job = RunFixture.job()
        let before = try JobFingerprint.of(job)
        job.validation = ValidationSpecification(every: 3, dataPath: "/b.txt")
        #expect(try JobFingerprint.of(job) == before)
    }
}
