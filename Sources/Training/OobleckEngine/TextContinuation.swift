import Foundation
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// Continues a text with a trained model, token by token.
package final class TextContinuation {
    /// Domain of the seeds of draws.
    private static let domain: UInt64 = 12

    private let job: JobSpecification
    private let model: any LayeredModel
    private let states: [LayerState]
    private let sequence: Int
    private let vocabulary: Int

    /// Loads the model's layers from a checkpoint, each checked against its digest.
    ///
    /// Throws `.usage` when the model does not continue texts, `.inputData` when a file is damaged.
    package init(job: JobSpecification, folder: String, layerSHA256: [String]) throws {
        var job = job
        job.model.gpt2?.dropout = 0
        // What the model starts from is not read: the checkpoint has all of it.
        job.initialWeightsPath = nil
        let model = try ModelFactory.model(of: job)
        let roles = Set(model.batch.map(\.role))
        guard let sequence = job.model.sequenceLength, let vocabulary = job.model.vocabulary,
            roles.isSubset(of: [.tokens, .nextTokens, .ones])
        else {
            throw OobleckError(
                .usage,
                "\(job.model.name) does not continue texts: it takes "
                    + model.batch.map(\.name).joined(separator: ", ")
            )
        }
        (self.job, self.model, self.sequence, self.vocabulary) = (job, model, sequence, vocabulary)
        states = try (0..<model.layerCount).map { layer in
            let state = try LayerState(
                layer: layer,
                model: job.model,
                trained: TrainedParameters([])
            )
            try state.load(
                stateBytes: try LayerFile.read(
                    layer: layer,
                    model: job.model,
                    from: folder,
                    sha256: layerSHA256[layer]
                )
            )
            return state
        }
    }

    /// How the next token is drawn.
    package struct Draw: Sendable {
        package var seed: UInt64
        /// What logits are divided by; 0 takes the likeliest token.
        package var temperature: Double
        /// Likeliest tokens that come into question; `nil` is all.
        package var most: Int?

        package init(seed: UInt64, temperature: Double, most: Int?) {
            self.seed = seed
            self.temperature = temperature
            self.most = most
        }
    }

    /// The tokens that follow `prompt`, `count` of them: a pure function of the arguments and the state.
    package func tokens(after prompt: [Int], count: Int, _ draw: Draw) throws -> [Int] {
        if let token = prompt.first(where: { !(0..<vocabulary).contains($0) }) {
            throw OobleckError(
                .usage,
                "token \(token) of the prompt is outside the vocabulary of \(vocabulary)"
            )
        }
        var tokens = prompt.isEmpty ? [0] : prompt
        let given = tokens.count
        for index in 0..<count {
            let logits = try TensorRuntime.evaluating { try self.logits(after: tokens) }
            let word = mixedSeed(Self.domain, draw.seed, UInt64(index))
            tokens.append(Self.choice(logits, draw, share: Double(word >> 11) * 0x1p-53))
        }
        return Array(tokens[given...])
    }

    /// Logits of the token that follows; of a long text the end is seen only.
    private func logits(after tokens: [Int]) throws -> ArraySlice<Float> {
        let seen = tokens.suffix(sequence).map(Int64.init)
        let row = seen + [Int64](repeating: 0, count: sequence - seen.count)
        let samples = job.model.imported?.manifest.microbatch ?? 1
        var batch: [String: Tensor] = [:]
        for tensor in model.batch {
            let values = tensor.role == .tokens ? row : [Int64](repeating: 1, count: sequence)
            batch[tensor.name] = try Tensor.copying(
                Array(repeatElement(values, count: samples).joined()),
                shape: [samples, sequence]
            )
        }
        var received: [Tensor] = []
        for state in states.dropLast() {
            received = try model.forward(state, received: received, batch: batch).tensors
                .map { try $0.leaf(requiresGradient: false) }
        }
        guard let last = states.last,
            let logits = try model.logits(last, received: received, batch: batch),
            logits.shape.count == 3, logits.shape[1] == sequence
        else {
            throw OobleckError(.usage, "\(job.model.name) gives no logits for each token")
        }
        let width = logits.shape[2]
        let start = (seen.count - 1) * width
        return try logits.leaf(requiresGradient: false).floats()[start..<start + width]
    }

    /// The token that a share of the probability, counted from the likeliest, comes to.
    private static func choice(_ logits: ArraySlice<Float>, _ draw: Draw, share: Double) -> Int {
        let order = logits.enumerated().sorted {
            ($1.element, $0.offset) < ($0.element, $1.offset)
        }
        guard draw.temperature > 0, let best = order.first else { return order.first?.offset ?? 0 }
        let candidates = order.prefix(max(1, draw.most ?? order.count))
        let weights = candidates.map {
            exp((Double($0.element) - Double(best.element)) / draw.temperature)
        }
        var left = share * weights.reduce(0, +)
        for (candidate, weight) in zip(candidates, weights) {
            left -= weight
            if left < 0 { return candidate.offset }
        }
        return best.offset
    }
}
