import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckEngine
import OobleckTensor

extension DeviceKind: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// Times the training of one model in this one process, without any control plane.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Tokens per second of one model in one process, as JSON."
    )

    @Option(help: "Folder of an imported model, which fixes all sizes but the microbatches.")
    var model: String?
    @Option var blocks = 6
    @Option var hidden = 192
    @Option var heads = 6
    @Option var vocabulary = 256
    @Option var sequence = 128
    @Option var microbatch = 4
    @Option var microbatches = 8
    @Option(help: "Steps to run; the first two do not count.") var steps = 8
    @Option var dropout = 0.1
    @Option(help: "Where to compute: cpu or cuda.") var device = DeviceKind.cpu
    @Option(help: "How layers compute: float32 or bfloat16.") var precision = Precision.float32
    @Flag(help: "Measure what exact sums cost over float32 ones instead.") var exactness = false

    func run() throws {
        try TensorRuntime.initialize()
        try TensorRuntime.use(device)
        let corpus = NSTemporaryDirectory() + "oobleck-bench-\(getpid()).bin"
        defer { unlink(corpus) }
        let model = try specification()
        let sequence = model.sequenceLength ?? self.sequence
        let microbatch = model.imported?.manifest.microbatch ?? self.microbatch
        let vocabulary = model.vocabulary ?? self.vocabulary
        let tokenCount = sequence * microbatch * microbatches * 4
        var generator = SystemRandomNumberGenerator()
        var tokens = Data(capacity: 2 * tokenCount)
        for _ in 0..<tokenCount {
            let token = UInt16.random(in: 0..<UInt16(vocabulary), using: &generator)
            withUnsafeBytes(of: token.littleEndian) { unsafe tokens.append(contentsOf: $0) }
        }
        try tokens.write(to: URL(fileURLWithPath: corpus))
        if exactness {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let cost = try ExactnessMeter(job: job(model, microbatch, corpus: corpus)).run()
            try Console.result(String(decoding: encoder.encode(cost), as: UTF8.self))
            return
        }
        let (times, losses) = try SoloRun(job: job(model, microbatch, corpus: corpus)).run()
        let counted = times.dropFirst(1).sorted()
        guard !counted.isEmpty else {
            throw OobleckError(.usage, "--steps is \(steps); at least 3 are needed to time one")
        }
        let median = counted[counted.count / 2].value
        let tokensPerStep = Double(sequence * microbatch * microbatches)
        // JSON has no number that is not finite.
        let loss = losses.last.flatMap { $0.isFinite ? "\($0)" : nil } ?? "null"
        try Console.result(
            """
            {"tokens_per_second": \(tokensPerStep / median), "step_seconds": \(median), \
            "steps": \(counted.count), "final_loss": \(loss)}
            """
        )
    }

    private func specification() throws -> ModelSpecification {
        if let model { return .imported(try ImportedFolder.open(path: model)) }
        return ModelSpecification(
            name: "bench",
            blocks: blocks,
            hidden: hidden,
            heads: heads,
            vocabulary: vocabulary,
            sequenceLength: sequence,
            dropout: dropout
        )
    }

    private func job(
        _ model: ModelSpecification,
        _ microbatch: Int,
        corpus: String
    ) -> JobSpecification {
        var job = JobSpecification(
            model: model,
            training: TrainingSpecification(
                steps: steps,
                seed: 1,
                globalBatch: microbatch * microbatches,
                microbatch: microbatch,
                learningRate: 1e-3,
                minimumLearningRate: 1e-4,
                warmupSteps: 2,
                weightDecay: 0.1,
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                gradientClip: 1
            ),
            cluster: ClusterSpecification(
                nodes: 1,
                faultTolerance: 0,
                deviceMemory: nil,
                detectionBudget: 2,
                device: device
            ),
            corpusPath: corpus
        )
        job.training.precision = precision == .float32 ? nil : precision
        return job
    }
}
