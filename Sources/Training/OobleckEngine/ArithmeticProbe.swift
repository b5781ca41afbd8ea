import Foundation
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// Computes the fingerprint of this process's arithmetic: a fixed pass over every kind of layer of
/// a job, at its shapes, forward, backward and update.
///
/// It takes about the time of one microbatch, and the memory of one layer at a time. Where that is
/// too much, it uses a microbatch of one sample and does not update layers with many parameters,
/// since the update treats all numbers alike.
struct ArithmeticProbe {
    /// Parameters of a layer that is updated.
    private static let mostUpdated = 4 << 20

    let job: JobSpecification
    let model: any LayeredModel
    /// Whether the result is to be wrong, for tests.
    var isSpoiled = false

    func run() throws -> Arithmetic {
        var hasher = SHA256Hasher()
        for layer in model.distinctLayers { try add(layer, to: &hasher) }
        TensorRuntime.releaseFreeMemory()
        return Arithmetic(
            fingerprint: hasher.hexadecimal,
            processor: TensorRuntime.deviceName ?? Self.processor,
            library: "libtorch \(TensorRuntime.version)",
            settings: TensorRuntime.deviceName == nil ? Self.settings : Self.deviceSettings
        )
    }

    private func add(_ layer: Int, to hasher: inout SHA256Hasher) throws {
        let state = try LayerState(layer: layer, model: job.model)
        try model.initialize(state, seed: mixedSeed(LayerTrial.domain, 0))
        let result = try LayerTrial(job: job, model: model, isSpoiled: isSpoiled).run(state)
        for tensor in result.tensors { try add(tensor, to: &hasher) }
        try update(state, result.gradients.parameters)
        for segment in state.segments { try add(segment.parameters, to: &hasher) }
    }

    /// One update of the optimizer, as after a step of one microbatch.
    private func update(_ state: LayerState, _ gradients: ArraySlice<Tensor>) throws {
        let rule = UpdateRule(job.training, step: 1, learningRate: job.training.learningRate)
        for segment in state.segments where segment.count <= Self.mostUpdated {
            let sums = try FixedPointAccumulator(count: segment.count, addendCount: 1)
            for (index, gradient) in zip(state.trainedIndices, gradients) {
                let (owner, entry) = state.location(index)
                guard owner === segment else { continue }
                do {
                    try sums.add(gradient, at: entry.offset)
                } catch let error as TensorError where error.code == .outOfRange {
                    // A model whose first gradients are out of range also has a fingerprint.
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
        // On a CUDA device out-of-range values leave marks. These marks do not belong to a step and
        // are discarded.
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
