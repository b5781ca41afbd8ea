/// The memory that a stage needs on its devices, in parts.
public struct StageMemory: Hashable, Sendable, Codable {
    /// The process without any layer.
    public var process: ByteCount
    /// Parameters and optimizer state.
    public var state: ByteCount
    /// Gradients: the sums over a step's microbatches.
    public var gradients: ByteCount
    /// Activations of the microbatches in flight, the stage's inputs and what is being sent.
    public var activations: ByteCount
    /// The most that one pass over one layer needs for itself.
    public var workspace: ByteCount
    /// Copies of the state on their way to a checkpoint.
    public var checkpoint: ByteCount
    /// What a change of the plan needs beyond all of the above: layers held before and layers arriving.
    public var change: ByteCount

    /// All parts together.
    public var total: ByteCount {
        process + state + gradients + activations + workspace + checkpoint + change
    }

    private enum CodingKeys: String, CodingKey {
        case process = "process_bytes"
        case state = "state_bytes"
        case gradients = "gradient_bytes"
        case activations = "activation_bytes"
        case workspace = "workspace_bytes"
        case checkpoint = "checkpoint_bytes"
        case change = "change_bytes"
    }

    /// The parts from sums over a stage's layers.
    ///
    /// `boundary` is the largest output of a layer in the stage or right before it; `inFlight` are the
    /// microbatches whose activations are kept at once.
    package init(
        rule: MemoryRule?,
        state: ByteCount,
        gradients: ByteCount,
        activations: ByteCount,
        workspace: ByteCount,
        boundary: ByteCount,
        inFlight: Int
    ) {
        let rule = rule ?? .none
        process = rule.processBytes
        self.state = state
        self.gradients = gradients
        let inputs = rule.boundaryTensors > 0 ? inFlight + rule.boundaryTensors : 0
        self.activations = inFlight * activations + inputs * boundary
        self.workspace = workspace
        checkpoint = rule.stateCopiesTraining * state
        // Gradients and activations are freed before a plan changes.
        let freed = gradients + self.activations + workspace + checkpoint
        let change = rule.stateCopiesChanging * state
        self.change = change > freed ? change - freed : 0
    }
}

extension StageMemory {
    /// No need.
    package static let zero = StageMemory(
        rule: nil,
        state: 0,
        gradients: 0,
        activations: 0,
        workspace: 0,
        boundary: 0,
        inFlight: 0
    )

    /// The needs of two stages, each a process of its own, on one node.
    package static func + (left: StageMemory, right: StageMemory) -> StageMemory {
        var sum = left
        sum.process += right.process
        sum.state += right.state
        sum.gradients += right.gradients
        sum.activations += right.activations
        sum.workspace += right.workspace
        sum.checkpoint += right.checkpoint
        sum.change += right.change
        return sum
    }
}

extension ModelProfile {
    /// What a stage of these layers needs with the activations of `inFlight` microbatches at once.
    ///
    /// 1F1B keeps those of at most S - s at stage s of S, from 0.
    public func memory(ofLayers stage: Range<Int>, inFlight: Int) -> StageMemory {
        let own = layers[stage]
        return StageMemory(
            rule: memoryRule,
            state: own.reduce(0) { $0 + $1.stateBytes },
            gradients: own.reduce(0) { $0 + $1.gradientBytes },
            activations: own.reduce(0) { $0 + $1.activationBytes },
            workspace: own.map(\.workspaceBytes).max() ?? 0,
            boundary: stage.map { boundaryBytes(ofLayer: $0) }.max() ?? 0,
            inFlight: inFlight
        )
    }

    /// The larger of a layer's input and its output.
    package func boundaryBytes(ofLayer layer: Int) -> ByteCount {
        max(layer > 0 ? layers[layer - 1].outputBytes : 0, layers[layer].outputBytes)
    }
}
