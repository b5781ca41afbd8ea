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
    /// Parameters of a layer that is updated.
    private static let mostUpdated = 4 << 20

    let job: JobSpecification
    /// Whether the result is to be wrong, for tests.
    var isSpoiled = false

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
        let state = try LayerState(layer: layer, model: job.model)
        try state.initialize(seed: mixedSeed(LayerTrial.domain, 0), model: job.model)
        let result = try LayerTrial(job: job, isSpoiled: isSpoiled).run(state)
        try add(result.output, to: &hasher)
        for gradient in result.parameters { try add(gradient, to: &hasher) }
        if let gradient = result.input { try add(gradient, to: &hasher) }
        try update(state, result.parameters)
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
            _ = try segment.state.apply(
                rule,
                sums: sums,
                factor: 1,
                clip: 1,
                decayEnd: segment.decayEnd
            )
        }
        // On a device what was beyond all bounds left its mark, which is not a step's.
        _ = try FixedPointAccumulator.takeMarks()
    }

    private func add(_ tensor: Tensor, to hasher: inout SHA256Hasher) throws {
        try tensor.contiguous().withBytes { unsafe hasher.update($0) }
    }

    /// As the kernel names it.
    private static var processor: String {
        let text = SystemFile.text("/proc/cpuinfo") ?? ""
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
