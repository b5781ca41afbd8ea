import OobleckCore
import OobleckModels
import OobleckTensor

/// Data that no corpus is needed for, in the shapes of a model's microbatch: for trials and measurements.
struct MadeUpMicrobatch {
    let model: any LayeredModel
    let samples: Int
    let vocabulary: Int?

    /// What a layer takes of the microbatch: token ids all over the vocabulary, and of other whole
    /// numbers those that are right in every model: one in a mask, zero for a class or a kind.
    func batch(ofLayer layer: Int) throws -> [String: Tensor] {
        let names = model.batchNames(ofLayer: layer)
        var tensors: [String: Tensor] = [:]
        for description in model.batch where names.contains(description.name) {
            tensors[description.name] = try tensor(description)
        }
        return tensors
    }

    private func tensor(_ description: ImportManifest.BatchTensor) throws -> Tensor {
        let shape = [samples] + description.shape.dropFirst()
        guard description.kind == .int64 else {
            let tensor = try Tensor.empty(shape, ElementType(description.kind))
            let isNumber = description.kind == .float32
            if isNumber { try tensor.fillNormal(deviation: 1, seed: 1) } else { try tensor.fill(1) }
            return tensor
        }
        let count = shape.reduce(1, *)
        return try Tensor.copying(values(description, count: count), shape: shape)
    }

    private func values(_ tensor: ImportManifest.BatchTensor, count: Int) -> [Int64] {
        let isMask = tensor.name.contains("mask")
        let tokens = (0..<count).map { Int64($0 * 7919 % (vocabulary ?? 2)) }
        return switch tensor.role {
        case .tokens, .maskedTokens: tokens
        case .nextTokens, .maskTargets: tokens.reversed()
        case .ones: [Int64](repeating: 1, count: count)
        case .column: [Int64](repeating: isMask ? 1 : 0, count: count)
        }
    }

    /// What a layer receives, drawn with a seed for each tensor.
    func received(byLayer layer: Int, seed: (Int) -> UInt64) throws -> [Tensor] {
        let descriptions = model.received(byLayer: layer, samples: samples)
        return try descriptions.enumerated().map { index, description in
            let tensor = try Tensor.empty(description.shape, ElementType(description.kind))
            if description.kind == .float32 {
                try tensor.fillNormal(deviation: 1, seed: seed(index))
            } else {
                try tensor.fill(description.kind == .boolean ? 1 : 0)
            }
            return tensor
        }
    }
}
