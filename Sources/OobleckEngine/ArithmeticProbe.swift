import Foundation
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// Finds out what this process's arithmetic comes to: a fixed pass over every kind of layer of a job,
/// at its shapes, forward, backward and update.
///
/// It takes about as long as one microbatch, and the memory of one layer at a time. Where that is much,
/// a microbatch of one sample has to do, and layers with many parameters are not updated: the update
/// treats each number alike.
struct ArithmeticProbe {
    /// Domain of the seeds of what is computed.
    private static let domain: UInt64 = 9
    /// Numbers of the largest tensor between two layers, or in the head, with which whole microbatches
    /// are computed.
    private static let mostActivations = 16 << 20
    /// Parameters of a layer that is updated.
    private static let mostUpdated = 4 << 20

    let job: JobSpecification

    /// Samples that are computed at once.
    var samples: Int {
        let (model, microbatch) = (job.model, job.training.microbatch)
        let width = max(model.vocabulary, model.innerSize, model.sequenceLength * model.heads)
        let numbers = Double(microbatch) * Double(model.sequenceLength) * Double(width)
        return numbers <= Double(Self.mostActivations) ? microbatch : 1
    }

    func run() throws -> Arithmetic {
        var hasher = SHA256Hasher()
        for layer in distinctLayers { try add(layer, to: &hasher) }
        TensorRuntime.releaseFreeMemory()
        return Arithmetic(
            fingerprint: hasher.hexadecimal,
            processor: TensorRuntime.deviceName ?? Self.processor,
            library: "libtorch \(TensorRuntime.version)",
            settings: TensorRuntime.deviceName == nil ? Self.settings : Self.deviceSettings
        )
    }

    /// One layer of each kind: blocks are alike, unless their attention is scaled by their number.
    private var distinctLayers: [Int] {
        let model = job.model
        let last = model.layerCount - 1
        let blocks = model.variant.scalesAttentionByBlock ? Array(1..<last) : last > 1 ? [1] : []
        return [0] + blocks + [last]
    }

    private func add(_ layer: Int, to hasher: inout SHA256Hasher) throws {
        let model = job.model
        let state = try LayerState(layer: layer, model: model)
        try state.initialize(seed: mixedSeed(Self.domain, 0), model: model)
        let shape = [samples, model.sequenceLength]
        let tokens = (0..<shape.reduce(1, *)).map { Int64($0 * 7919 % model.vocabulary) }
        let data = (
            inputs: try Tensor.copying(tokens, shape: shape),
            targets: try Tensor.copying(tokens.reversed(), shape: shape)
        )
        let input = try Tensor.empty(shape + [model.hidden])
        try input.fillNormal(deviation: 1, seed: mixedSeed(Self.domain, 1, UInt64(layer)))
        let computation = StageComputation(
            model: GPT2(model),
            seed: mixedSeed(Self.domain, 2),
            layers: [state]
        )
        let pass = try computation.forward(state, input: input, data: data, step: 0, microbatch: 0)
        try add(pass.output, to: &hasher)
        let seed = try pass.output.shape.isEmpty ? nil : gradient(like: pass.output, layer)
        let gradients = try computation.backward(state, pass, seed: seed)
        for gradient in gradients.parameters { try add(gradient, to: &hasher) }
        if let gradient = gradients.input { try add(gradient, to: &hasher) }
        try update(state, gradients.parameters)
        for segment in state.segments { try add(segment.parameters, to: &hasher) }
    }

    /// One update of the optimizer, as after a step of one microbatch.
    private func update(_ state: LayerState, _ gradients: ArraySlice<Tensor>) throws {
        let rule = AdamWUpdate(job.training, step: 1, learningRate: job.training.learningRate)
        for segment in state.segments where segment.count <= Self.mostUpdated {
            let sums = try FixedPointAccumulator(count: segment.count, addendCount: 1)
            for (index, gradient) in gradients.enumerated() {
                let (owner, entry) = state.location(index)
                guard owner === segment else { continue }
                do {
                    try sums.add(gradient, at: entry.offset)
                } catch let error as TensorError where error.code == .outOfRange {
                    // A model whose first gradients are beyond all bounds has a fingerprint, too.
                }
            }
            let scratch = try Tensor.empty([segment.count])
            try segment.update(rule, sums: sums, factor: 1, clip: 1, scratch: scratch)
        }
    }

    private func gradient(like output: Tensor, _ layer: Int) throws -> Tensor {
        let gradient = try Tensor.empty(output.shape)
        try gradient.fillNormal(deviation: 0.01, seed: mixedSeed(Self.domain, 3, UInt64(layer)))
        return gradient
    }

    private func add(_ tensor: Tensor, to hasher: inout SHA256Hasher) throws {
        try tensor.contiguous().withBytes { unsafe hasher.update($0) }
    }

    /// As the kernel names it.
    private static var processor: String {
        let bytes = FileManager.default.contents(atPath: "/proc/cpuinfo") ?? Data()
        let text = String(decoding: bytes, as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = line?.split(separator: ":").dropFirst().first.map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        return name ?? "processor unknown"
    }

    /// What decides which kernels run on a CUDA device.
    private static let deviceSettings = "deterministic kernels, float32 without TF32"

    /// What decides which kernels run on the CPU.
    private static var settings: String {
        let environment = ProcessInfo.processInfo.environment
        let asked = ["ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA"].compactMap { name in
            environment[name].map { "\(name)=\(String($0.prefix(20)))" }
        }
        let parts = ["kernels \(TensorRuntime.kernelLevel)", "1 thread"] + asked
        return lineForPeople(parts.joined(separator: ", "))
    }
}
