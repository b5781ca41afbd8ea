import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("Runs of imported models on disk", .timeLimit(.minutes(5))) struct ImportedRunTests {
    /// A step whose loss is the mean over so many targets.
    private static func step(_ number: Int, targets: Int?, skipped: String? = nil) -> CommittedStep
    {
        var step = RunFixture.step(number)
        (step.targets, step.skipped) = (targets, skipped)
        if skipped != nil { (step.loss, step.gradientNorm) = (.nan, .nan) }
        return step
    }

    @Test("a checkpoint of an imported model comes back with the model, and all of it holds")
    func checkpoint() throws {
        for uses in [[0, 2], [0, 1, 2]] {
            let run = try ImportedRun(uses: uses)
            let checkpoint = try Checkpoint(path: run.checkpointPath)
            #expect(checkpoint.model == .imported(run.model))
            #expect(checkpoint.violations() == [])
            #expect(checkpoint.manifest.layers.count == 3)
            let report = try RunVerifier.verify(run.path)
            #expect(report.violations == [])
            #expect(report.verifiedCheckpoints == [5])
        }
    }

    @Test(
        "a copy of a tied parameter that differs from the first is found, however many there are",
        arguments: [([0, 2], 2), ([0, 1, 2], 1), ([0, 1, 2], 2)]
    )
    func tied(uses: [Int], spoiled: Int) throws {
        let run = try ImportedRun(uses: uses, spoiled: spoiled)
        let violations = try Checkpoint(path: run.checkpointPath).violations()
        let first = run.checkpointPath + "/layer-000.safetensors"
        let file = run.checkpointPath + "/layer-00\(spoiled).safetensors"
        let message = "embed.weight differs from \(first), to which it is tied"
        #expect(violations == [RunViolation(file: file, message: message)])
    }

    @Test("a first copy that differs from all others is found")
    func firstOfTied() throws {
        let run = try ImportedRun(uses: [0, 1, 2], spoiled: 0)
        #expect(try Checkpoint(path: run.checkpointPath).violations().count == 1)
    }

    @Test("a manifest whose model makes no sense is refused in one line")
    func damagedManifest() throws {
        let run = try ImportedRun()
        let path = run.checkpointPath + "/manifest.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let damages = [
            ("\"microbatch\" : 2", "\"microbatch\" : 0"),
            ("\"layer\" : 2", "\"layer\" : 1"),
            ("\"mean\" : 0", "\"mean\" : \"0\""),
            ("\"dtype\" : \"float32\"", "\"dtype\" : \"float16\""),
            ("\"name\" : \"block.weight\"", "\"name\" : \"embed.weight\""),
            ("\"vocabulary\" : 8", "\"vocabulary\" : -8"),
        ]
        for (old, new) in damages {
            #expect(text.contains(old), "\(old)")
            try text.replacing(old, with: new).write(
                toFile: path,
                atomically: true,
                encoding: .utf8
            )
            let error = #expect(throws: OobleckError.self) {
                try Checkpoint(path: run.checkpointPath)
            }
            #expect(error?.code == .inputData)
            #expect(
                error?.message.hasPrefix(path) == true && error?.message.contains("\n") == false
            )
        }
    }

    @Test("what is exported has every parameter once, and the files that came with the model")
    func export() throws {
        let run = try ImportedRun(
            uses: [0, 1, 2],
            companions: ["config.json": "{\"a\": 1}", "tokenizer.json": "{}"]
        )
        let folder = run.folder.path + "/weights"
        try WeightExport.export(run: run.path, to: folder)
        let file = try SafetensorsReader(folder + "/model.safetensors")
        #expect(file.header.tensors.map(\.name) == ["embed.weight", "block.weight"])
        let state = try SafetensorsReader(run.checkpointPath + "/layer-001.safetensors")
        for name in ["embed.weight", "block.weight"] {
            #expect(
                try file.floats(of: file.tensor(named: name))
                    == state.floats(of: state.tensor(named: name))
            )
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(names == ["config.json", "model.safetensors", "tokenizer.json"])
        let text = try String(contentsOfFile: folder + "/config.json", encoding: .utf8)
        #expect(text == "{\"a\": 1}")
    }

    @Test("an export whose model's folder is gone says so")
    func exportWithoutFolder() throws {
        let run = try ImportedRun()
        try FileManager.default.removeItem(atPath: run.model.path)
        let error = #expect(throws: OobleckError.self) {
            try WeightExport.export(run: run.path, to: run.folder.path + "/weights")
        }
        #expect(error?.message.contains(run.model.path) == true)
    }

    @Test("a line of the ledger says how many targets its loss is the mean over, where it does")
    func ledgerLine() throws {
        let previous = LedgerLine.genesis
        let plain = LedgerLine(chaining: Self.step(0, targets: nil), to: previous)
        #expect(!plain.text.contains("targets"))
        for step in [
            Self.step(0, targets: 7), Self.step(1, targets: Int.max),
            Self.step(2, targets: 0, skipped: CommittedStep.withoutTargets),
        ] {
            let line = LedgerLine(chaining: step, to: previous)
            let place = ",\"targets\":\(step.targets ?? -1),\"previous\":\"\(previous)\""
            #expect(line.text.contains(place))
            let back = try JSONDecoder().decode(LedgerLine.self, from: Data(line.text.utf8))
            #expect(back.text == line.text && back.hash == line.hash)
            #expect(back.committed?.targets == step.targets)
            #expect(back.committed?.skipped == step.skipped)
        }
        #expect(LedgerLine(chaining: Self.step(0, targets: 7), to: previous).hash != plain.hash)
    }

    @Test("a ledger with targets chains, and holds")
    func ledger() throws {
        let steps = (0..<5).map { number in
            number == 2
                ? Self.step(2, targets: 0, skipped: CommittedStep.withoutTargets)
                : Self.step(number, targets: 10 + number)
        }
        let run = try ImportedRun(steps: steps)
        let report = try RunVerifier.verify(run.path)
        #expect(report.violations == [])
        #expect(report.steps == 5)
    }

    @Test(
        "targets that were changed, added or taken away afterwards are found, in their line",
        arguments: [
            (",\"targets\":11", ",\"targets\":12"), (",\"targets\":11", ""),
            (",\"targets\":11", ",\"targets\":11,\"targets\":11"),
            (",\"targets\":11", ",\"targets\":null"), (",\"targets\":11", ",\"targets\":1.5"),
            (",\"targets\":11", ",\"targets\":\"11\""),
            (",\"targets\":11", ",\"targets\":99999999999999999999"),
        ]
    )
    func alteredTargets(old: String, new: String) throws {
        let run = try ImportedRun(steps: (0..<5).map { Self.step($0, targets: 10 + $0) })
        let path = run.path + "/ledger.jsonl"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains(old))
        try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        let found = try RunVerifier.verify(run.path).violations
        #expect(found.contains { $0.file == path && $0.line == 2 }, "\(found)")
    }
}
