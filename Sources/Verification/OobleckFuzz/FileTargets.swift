import Foundation
import OobleckCore
import OobleckData
import OobleckPlanning
import OobleckReconfiguration
import OobleckRunFiles
import OobleckSimulator

extension FuzzTarget {
    /// The readers of all files that people or runs give us.
    package static func files(in folder: FuzzFolder) throws -> [FuzzTarget] {
        let run = try FuzzRun(in: folder, name: "run")
        return try [
            trace(folder), try profile(folder), try plan(folder), job(folder),
            try manifest(folder, run), try safetensors(folder, run), try ledger(folder, run),
            try events(run), try records(folder, run),
        ] + weights(folder) + imports(folder)
    }

    private static func trace(_ folder: FuzzFolder) -> FuzzTarget {
        let samples = [
            "0,add,node1\n0,add,node2\n601200,remove,node1\n700000,add,node3\n",
            "0,4\n10,3\n21556,4\n30000,0\n", "0.0,4\n0.5,3\n11.25,6\n",
            "2021-12-11, 11:11:30, 5\n2021-12-11, 11:12:30, 4\n2021-12-12, 00:00:01, 7\n",
            "[0, \"add\", {\"nodes\": [\"node-1\", \"node-2\"], \"duration\": 60000}]\n"
                + "[60000, \"remove\", {\"nodes\": [\"node-2\"], \"duration\": 60000}]\n",
            "{\"metadata\": {\"gap_seconds\": 600}, \"data\": [1, 0, 1, 1, 3, 2]}",
        ]
        return FuzzTarget("trace", samples: samples.map { Array($0.utf8) }) { bytes in
            let path = try folder.write(bytes, to: "trace")
            let trace = try TraceReader(path: path).read()
            _ = (trace.mostNodes, trace.hasJoins)
        }
    }

    private static let sampleProfile = ModelProfile(
        model: "small",
        microbatchSize: 4,
        deviceMemory: ByteCount(4000),
        layers: (0..<4).map { layer in
            LayerProfile(
                name: "layer\(layer)",
                forward: Seconds(0.001 * Double(layer + 1)),
                backward: 0.002,
                allReduceInNode: [2: 0.001],
                allReduceAcrossNodes: [2: 0.004, 3: 0.005],
                parameterBytes: 100,
                optimizerBytes: 200,
                activationBytes: 50,
                outputBytes: 10
            )
        }
    )

    /// Reads a profile, and plans with it: what is accepted has to be usable.
    private static func profile(_ folder: FuzzFolder) throws -> FuzzTarget {
        let sample = try encoded(sampleProfile)
        return FuzzTarget("profile", samples: [Array(sample)]) { bytes in
            let profile = try ModelProfile(contentsOf: try folder.write(bytes, to: "profile.json"))
            guard profile.layers.count <= 8 else { return }
            for model in [CostModel.sosp23, .schedule] {
                _ = try Planner(profile: profile, costModel: model)
                    .untimedPlan(nodes: 3, faultTolerance: 0, microbatches: 6)
            }
        }
    }

    /// Always the same bytes: else the number of a case would not name its input.
    private static func encoded(_ sample: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(sample)
    }

    /// Reads a plan, and asks what becomes of it.
    private static func plan(_ folder: FuzzFolder) throws -> FuzzTarget {
        let planner = try Planner(profile: sampleProfile)
        let plan = try planner.untimedPlan(nodes: 6, faultTolerance: 1, microbatches: 16)
        let sample = try encoded(plan)
        return FuzzTarget("plan", samples: [Array(sample)]) { bytes in
            let document = try PlanDocument(contentsOf: try folder.write(bytes, to: "plan.json"))
            let replanner = try Replanner(document)
            let nodes = document.plan.pipelines.reduce(0) { $0 + $1.nodes.count }
            // More would be planned too, in more time than a case may take.
            guard nodes <= 64, document.microbatches <= 4096, let lost = document.plan.nodes.first
            else { return }
            for policy in ReplanPolicy.allCases {
                _ = try replanner.replan(
                    losing: [lost],
                    joining: [],
                    policy: policy,
                    isLayoutOnly: false
                )
            }
        }
    }

    private static func job(_ folder: FuzzFolder) -> FuzzTarget {
        let samples = [
            """
            model: {preset: gpt2, vocabulary: 1000, sequence_length: 64}
            data: {corpus: corpus.txt}
            training: {steps: 20, seed: 7, global_batch: 32, microbatch: 4}
            cluster: {nodes: 6, fault_tolerance: 1, device_memory: "48 MiB"}
            """,
            """
            # A job.
            model:
              name: tiny
              blocks: 2
              hidden: 16
              heads: 2
              dropout: 0.1
            data:
              corpus: "a b.txt"
            training:
              steps: 1_000
              learning_rate: 6e-4
              beta1: 0.9
            cluster:
              nodes: 4
              detection_budget: 2.5
            """,
            """
            model: {import: column, name: mine}
            data:
              corpus: stage.txt
              token_bytes: 2
              batch: {input_ids: masked_tokens, labels: mask_targets}
              mask_fraction: 0.15
              mask_token: 3
            training: {global_batch: 8, microbatch: 2}
            """,
            """
            model: {import: column}
            data: {columns: columns, batch: {input_ids: x, labels: ones}}
            """,
        ]
        return FuzzTarget("job", samples: samples.map { Array($0.utf8) }) { bytes in
            let job = try JobFile.load(path: try folder.write(bytes, to: "job.yaml"))
            _ = (job.training.microbatchCount, job.model.layerCount)
        }
    }

    /// A checkpoint whose manifest is damaged: opened, and all of it checked.
    private static func manifest(_ folder: FuzzFolder, _ run: FuzzRun) throws -> FuzzTarget {
        let path = run.checkpointPath + "/manifest.json"
        let sample = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let other = try FuzzRun(in: folder, name: "manifest").checkpointPath
        let name = other.dropFirst(folder.path.count + 1) + "/manifest.json"
        return FuzzTarget("manifest", samples: [sample]) { bytes in
            _ = try folder.write(bytes, to: String(name))
            _ = try Checkpoint(path: other).violations()
        }
    }

    private static func safetensors(_ folder: FuzzFolder, _ run: FuzzRun) throws -> FuzzTarget {
        let samples = try (0..<2).map { layer in
            try Data(
                contentsOf: URL(
                    fileURLWithPath: run.checkpointPath + "/layer-00\(layer).safetensors"
                )
            )
        }
        return FuzzTarget("safetensors", samples: samples.map { Array($0) }) { bytes in
            let path = try folder.write(bytes, to: "layer.safetensors")
            let reader = try SafetensorsReader(path)
            for tensor in reader.header.tensors {
                _ = try reader.bytes(of: tensor)
                if tensor.elementType == .float32 { _ = try reader.floats(of: tensor) }
            }
            _ = try reader.digests()
            _ = reader.header.bytes
        }
    }

    /// A run whose ledger is damaged.
    private static func ledger(_ folder: FuzzFolder, _ run: FuzzRun) throws -> FuzzTarget {
        let sample = Array(try Data(contentsOf: URL(fileURLWithPath: run.directory.ledgerPath)))
        let other = try FuzzRun(in: folder, name: "ledger").directory.path
        return FuzzTarget("ledger", samples: [sample]) { bytes in
            _ = try folder.write(bytes, to: "ledger/ledger.jsonl")
            try refuse(try RunVerifier.verify(other))
        }
    }

    private static func events(_ run: FuzzRun) throws -> FuzzTarget {
        let text = try String(contentsOfFile: run.directory.eventsPath, encoding: .utf8)
        let samples = text.split(separator: "\n").map { Array($0.utf8) }
        return FuzzTarget("events", samples: samples) { bytes in
            let event = try TimedEvent.parsing(String(decoding: bytes, as: UTF8.self))
            _ = (event.text, event.localTime)
        }
    }

    /// A run of which one record after the other is damaged.
    private static func records(_ folder: FuzzFolder, _ run: FuzzRun) throws -> FuzzTarget {
        let names = ["status.json", "result.json", "job.json"]
        let samples = try names.map { name in
            Array(try Data(contentsOf: URL(fileURLWithPath: run.directory.path + "/" + name)))
        }
        let other = try FuzzRun(in: folder, name: "records").directory
        return FuzzTarget("records", samples: samples) { bytes in
            for name in names { _ = try folder.write(bytes, to: "records/" + name) }
            let reads: [() throws -> Void] = [
                { _ = try other.status() }, { _ = try other.result() },
                { try JobFile.validate(try other.job()) },
                { try refuse(try RunVerifier.verify(other.path)) },
            ]
            var refusal: OobleckError?
            for read in reads {
                do { try read() } catch let error as OobleckError { refusal = error }
            }
            if let refusal { throw refusal }
        }
    }

    /// What a report says is wrong, as the error that it would be.
    private static func refuse(_ report: VerificationReport) throws {
        if let violation = report.violations.first {
            throw OobleckError(.inputData, violation.message)
        }
    }
}
