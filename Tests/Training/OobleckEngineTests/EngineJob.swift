import Foundation
import OobleckCore
import OobleckEngine
import OobleckTensor
import OobleckTestSupport

/// A small job with a made-up corpus in a temporary folder, which goes with this value.
final class EngineJob {
    let job: JobSpecification
    let folder: String

    /// Four equal layers.
    ///
    /// A node has room for three, so that a pipeline has at least two nodes; one that
    /// is alone has room for all.
    static func profile(nodes: Int) -> ModelProfile {
        ModelProfile(
            model: "small",
            microbatchSize: 2,
            deviceMemory: nodes == 1 ? 13_000 : 1_300,
            layers: (0..<4).map {
                LayerProfile(
                    name: "layer\($0)",
                    forward: 0.001,
                    backward: 0.002,
                    parameterBytes: 100,
                    optimizerBytes: 200
                )
            }
        )
    }

    /// A job for so many workers and steps; `change` is given the folder, too.
    init(
        nodes: Int,
        steps: Int,
        _ change: (inout JobSpecification, _ folder: String) -> Void = { _, _ in }
    ) throws {
        try TensorRuntime.initialize()
        folder = NSTemporaryDirectory() + "oobleck-engine-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, seed) in [("corpus.bin", 7), ("validation.bin", 11)] {
            try Self.tokens(seed).write(to: URL(fileURLWithPath: folder + "/" + name))
        }
        let folder = folder
        job = SmallJob.make { job in
            job.training.steps = steps
            job.cluster.nodes = nodes
            job.cluster.faultTolerance = nodes > 3 ? 1 : 0
            job.corpusPath = folder + "/corpus.bin"
            change(&job, folder)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The job as one process runs it: the state that all others have to end with.
    func solo() throws -> (layerDigests: [String], losses: [Double]) {
        var job = job
        job.faults = []
        job.stagedFaults = StagedFaults()
        let run = SoloRun(job: job, digestsState: true)
        let losses = try run.run().losses
        return (run.layerDigests, losses)
    }

    /// 2,000 token ids below 64, of two bytes each.
    private static func tokens(_ seed: Int) -> Data {
        var value = UInt64(seed)
        var bytes = Data()
        for _ in 0..<2_000 {
            value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes.append(contentsOf: [UInt8(value >> 33 & 63), 0])
        }
        return bytes
    }
}
