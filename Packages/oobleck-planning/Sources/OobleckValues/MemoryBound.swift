/// A load under which a node is known to have run out of memory.
public struct MemoryBound: Hashable, Sendable, Codable {
    /// The layers that it held, ascending; none for a node that failed before it had any.
    public var layers: [Int]
    /// The memory that they need by the profile (``StageMemory``).
    public var bytes: ByteCount

    /// A load of these layers, ascending.
    public init(layers: [Int], bytes: ByteCount) {
        self.layers = layers
        self.bytes = bytes
    }

    /// Whether the node may be given another load: neither as heavy as this one nor with all of its
    /// layers.
    public func allows(_ load: MemoryBound) -> Bool {
        load.bytes < bytes && !Set(load.layers).isSuperset(of: layers)
    }
}

extension PipelineTemplate {
    /// The load of the template's node number `node`.
    public func load(ofNode node: Int, profile: ModelProfile) -> MemoryBound {
        MemoryBound(
            layers: layersByNode[node],
            bytes: memory(ofNode: node, profile: profile).total
        )
    }

    /// What the template's node number `node` needs: all of its stages, each a process of its own.
    public func memory(ofNode node: Int, profile: ModelProfile) -> StageMemory {
        stages.indices.filter { stages[$0].node == node }
            .map { memory(ofStage: $0, profile: profile) }
            .reduce(.zero, +)
    }

    /// What stage `index` of the template needs.
    ///
    /// 1F1B keeps the activations of at most S - s microbatches at stage s of S, from 0.
    public func memory(ofStage index: Int, profile: ModelProfile) -> StageMemory {
        profile.memory(ofLayers: stages[index].layers, inFlight: stages.count - index)
    }
}
