import OobleckCore

/// The checkpoint store of a simulated run: layers by folder, with writes that fail and files that
/// go bad.
package struct SimulatedDisk {
    typealias LayerState = SimulatedWorker.LayerState

    /// A published checkpoint; a layer that is missing from it was damaged since.
    package struct Published {
        var generation: Generation
        var layers: [Int: LayerState]
        var digests: [String]
    }

    private var partial: [String: [Int: LayerState]] = [:]
    /// By step.
    package private(set) var published: [Int: Published] = [:]
    /// Saves that stay.
    private let keep: Int
    /// Probability of trouble at each write and at each publication.
    private let trouble: Double

    init(keep: Int, trouble: Double) {
        self.keep = keep
        self.trouble = trouble
    }

    /// Writes a layer; the outcome is what its writer reports.
    mutating func write(
        _ state: LayerState,
        layer: Int,
        of order: CheckpointOrder,
        random: inout SeededRandom
    ) -> ShardReport.Outcome {
        if random.chance(trouble / 4) { return .failed("no space left for layer \(layer)") }
        partial[order.folder, default: [:]][layer] = state
        let digest = ShardDigest(sha256: "\(state.value)", fileSHA256: "", bytes: 8)
        return .written(digest)
    }

    /// A layer of a checkpoint as it reads back; `nil` if it does not match its digest.
    func layer(_ layer: Int, of point: RestorePoint) -> LayerState? {
        guard let state = published[point.step]?.layers[layer],
            "\(state.value)" == point.layerSHA256[layer]
        else { return nil }
        return state
    }

    mutating func perform(
        _ action: CheckpointAction,
        random: inout SeededRandom
    ) -> CheckpointOutcome? {
        switch action {
        case .publish(let save): return publish(save, random: &random)
        case .discard(let generation, let step):
            partial[Self.folder(step, generation)] = nil
            return nil
        case .find(let limit, _, let excluded):
            let steps = published.keys.filter { $0 <= limit && !excluded.contains($0) }
            guard let step = steps.max(), let found = published[step] else {
                return .found(nil, passedOver: [])
            }
            let point = RestorePoint(
                step: step,
                folder: "step \(step)",
                stateSHA256: found.digests.joined(),
                layerSHA256: found.digests
            )
            return .found(point, passedOver: [])
        }
    }

    private mutating func publish(
        _ save: CheckpointPublication,
        random: inout SeededRandom
    ) -> CheckpointOutcome {
        let folder = Self.folder(save.step, save.generation)
        let layers = partial.removeValue(forKey: folder) ?? [:]
        let digests = save.layers.map(\.sha256)
        let isWhole = digests.indices.allSatisfy { layers[$0].map { "\($0.value)" } == digests[$0] }
        guard isWhole, !random.chance(trouble) else {
            let message = isWhole ? "cannot rename" : "a layer is missing"
            return .failed(generation: save.generation, step: save.step, message: message)
        }
        var new = Published(generation: save.generation, layers: layers, digests: digests)
        if random.chance(trouble) {
            new.layers[Int.random(in: digests.indices, using: &random)] = nil
        }
        published[save.step] = new
        for step in published.keys.sorted().dropLast(keep) { published[step] = nil }
        return .published(generation: save.generation, step: save.step)
    }

    private static func folder(_ step: Int, _ generation: Generation) -> String {
        "checkpoints/"
            + CheckpointLayout.partialFolderName(step: step, generation: generation.rawValue)
    }
}
