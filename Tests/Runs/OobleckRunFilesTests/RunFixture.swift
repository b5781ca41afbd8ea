import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport

/// A finished run of a very small model, with made-up but consistent content.
struct RunFixture {
    let folder: TemporaryFolder
    let path: String
    let job: JobSpecification

    static let model = ModelSpecification(
        name: "small",
        blocks: 1,
        hidden: 4,
        heads: 2,
        vocabulary: 5,
        sequenceLength: 3,
        dropout: 0.1
    )

    static func job(steps: Int = 5) -> JobSpecification {
        JobSpecification(
            model: model,
            training: TrainingSpecification(
                steps: steps,
                seed: 1,
                globalBatch: 8,
                microbatch: 2,
                learningRate: 1e-3,
                minimumLearningRate: 1e-4,
                warmupSteps: 1,
                weightDecay: 0.1,
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                gradientClip: 1
            ),
            cluster: ClusterSpecification(
                nodes: 4,
                faultTolerance: 1,
                deviceMemory: nil,
                detectionBudget: 2
            ),
            corpusPath: "/corpus.txt"
        )
    }

    /// Steps 0 to 4; generation 1 from step 3 on.
    static func step(_ step: Int) -> CommittedStep {
        CommittedStep(
            step: step,
            generation: step < 3 ? 0 : 1,
            firstSample: 8 * step,
            endSample: 8 * step + 8,
            loss: 5.5 - 0.1 * Double(step),
            gradientNorm: 1 / Double(step + 1)
        )
    }

    /// A layer's state file: parameters count up, the head repeats the embedding.
    static func layerFile(_ layer: Int) -> [UInt8] {
        var bytes = StateDigest.header(ofLayer: layer, model: model).bytes
        for tensor in ParameterLayout.stateTensors(ofLayer: layer, model: model) {
            let isTied = tensor.name.contains("wte") || tensor.name.contains("lm_head")
            let base = isTied ? 1000 : 100 * layer + tensor.name.utf8.reduce(0) { $0 &+ Int($1) }
            for index in 0..<tensor.elementCount {
                let bits = Float(base + index).bitPattern
                bytes += (0..<4).map { UInt8(bits >> (8 * $0) & 255) }
            }
        }
        return bytes
    }

    static func layerDigest(_ layer: Int) -> String {
        var hasher = SHA256Hasher()
        hasher.update(
            Array(
                layerFile(layer).dropFirst(
                    StateDigest.header(ofLayer: layer, model: model).bytes.count
                )
            )
        )
        return hasher.hexadecimal
    }

    static var layerDigests: [String] { (0..<model.layerCount).map(layerDigest) }

    static func chunks(_ layer: Int, generation: Generation, size: Int = 100) -> [LayerChunk] {
        let bytes = layerFile(layer)
        return stride(from: 0, to: bytes.count, by: size).map { first in
            let end = min(first + size, bytes.count)
            return LayerChunk(
                generation: generation,
                layer: layer,
                bytes: Array(bytes[first..<end]),
                isLast: end == bytes.count
            )
        }
    }

    static func result(state: String) -> RunResult {
        RunResult(
            steps: 5,
            finalLoss: step(4).loss,
            stateSHA256: state,
            failures: 1,
            reconfigurations: 1,
            samplesCommitted: 40,
            samplesRepeated: 0,
            recoveries: []
        )
    }

    /// Writes the whole run with the product's own writers.
    init(steps: [CommittedStep] = (0..<5).map(RunFixture.step), finishes: Bool = true) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/run"
        job = Self.job()
        let directory = try RunDirectory.create(path: path, job: job, configText: "# config\n")
        let recorder = try RunRecorder(directory)
        for step in steps {
            try recorder.append(step)
            try recorder.log(
                RunEvent(
                    generation: 0,
                    step: step.step,
                    .committed(step: step.step, loss: step.loss, isSkipped: false)
                )
            )
        }
        guard finishes else { return }
        let writer = try FinalStateWriter(directory, model: Self.model, step: 5)
        for layer in 0..<Self.model.layerCount {
            for chunk in Self.chunks(layer, generation: 1) { try writer.receive(chunk) }
        }
        let state = try writer.publish(layerDigests: Self.layerDigests)
        try recorder.write(Self.result(state: state))
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    }

    func lines(_ name: String) throws -> [String] {
        String(decoding: try read(name), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func write(_ name: String, lines: [String]) throws {
        try write(name, Array(lines.map { $0 + "\n" }.joined().utf8))
    }
}
