import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles

/// A small finished run on disk, written by the product's own writers.
struct FuzzRun {
    static let gpt2 = GPT2Specification(
        name: "small",
        blocks: 1,
        hidden: 4,
        heads: 2,
        vocabulary: 5,
        sequenceLength: 3,
        dropout: 0.1
    )
    static let model = ModelSpecification.gpt2(gpt2)
    static let steps = 4

    let directory: RunDirectory
    /// The folder of its checkpoint.
    let checkpointPath: String

    /// Writes the run into a folder of that name.
    init(in folder: FuzzFolder, name: String) throws {
        directory = try RunDirectory.create(
            path: folder.path + "/" + name,
            job: Self.job,
            configText: "# a run\n"
        )
        let recorder = try RunRecorder(directory)
        for step in 0..<Self.steps {
            try recorder.append(Self.committed(step))
            try recorder.log(
                RunEvent(
                    generation: 0,
                    step: step,
                    .committed(step: step, loss: 1.5, isSkipped: false)
                )
            )
        }
        let writer = try FinalStateWriter(directory, model: Self.model, step: Self.steps)
        var digests: [String] = []
        for layer in 0..<Self.model.layerCount {
            let header = StateDigest.header(ofLayer: layer, model: Self.model)
            let data = [UInt8](repeating: 0, count: header.dataSize)
            digests.append(SHA256Hasher.hexadecimal(of: String(decoding: data, as: UTF8.self)))
            try writer.receive(
                LayerChunk(generation: 0, layer: layer, bytes: header.bytes + data, isLast: true)
            )
        }
        let state = try writer.publish(layerDigests: digests)
        try recorder.write(Self.result(state: state))
        try recorder.write(Self.status)
        checkpointPath = try Checkpoint.folders(in: directory)[0]
    }

    static let job = JobSpecification(
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

    private static func committed(_ step: Int) -> CommittedStep {
        CommittedStep(
            step: step,
            generation: step < 2 ? 0 : 1,
            firstSample: 8 * step,
            endSample: 8 * step + 8,
            loss: 5.5 - 0.1 * Double(step),
            gradientNorm: 1 / Double(step + 1)
        )
    }

    private static func result(state: String) -> RunResult {
        RunResult(
            steps: steps,
            finalLoss: committed(steps - 1).loss,
            stateSHA256: state,
            failures: 1,
            reconfigurations: 1,
            samplesCommitted: 8 * steps,
            samplesRepeated: 0,
            recoveries: []
        )
    }

    private static let status = RunStatus(
        phase: .training,
        step: 3,
        steps: steps,
        generation: 1,
        loss: 4.25,
        stepTime: 0.5,
        tokensPerSecond: 48,
        idleShare: 0.5,
        pipelines: 2,
        nodes: [NodeStatus(id: 2, state: .healthy, agentPID: 9)]
    )
}
