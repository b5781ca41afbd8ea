/// What a layer costs whose forward pass is computed again.
public struct RecomputationProfile: Hashable, Sendable, Codable {
    /// Time of both passes over one microbatch.
    public var backward: Seconds
    /// Bytes kept per microbatch in flight.
    public var activationBytes: ByteCount
    /// The most bytes that the backward pass needs for itself.
    public var workspaceBytes: ByteCount

    /// The given costs.
    public init(backward: Seconds, activationBytes: ByteCount, workspaceBytes: ByteCount) {
        self.backward = backward
        self.activationBytes = activationBytes
        self.workspaceBytes = workspaceBytes
    }

    private enum CodingKeys: String, CodingKey {
        case backward = "backward_seconds"
        case activationBytes = "activation_bytes"
        case workspaceBytes = "workspace_bytes"
    }
}

extension ModelProfile {
    /// The profile of a run that computes the forward passes of all layers but the last again.
    ///
    /// Where that was not measured, the forward pass is added to the backward pass, and what it leaves
    /// counts as needed by one pass.
    public var recomputing: ModelProfile {
        guard recomputes != true else { return self }
        var profile = self
        profile.recomputes = true
        for index in layers.indices {
            profile.layers[index].recomputation = nil
            guard index < layers.count - 1 else { continue }
            let layer = layers[index]
            let cost =
                layer.recomputation
                ?? RecomputationProfile(
                    backward: layer.forward + layer.backward,
                    activationBytes: min(layer.outputBytes, layer.activationBytes),
                    workspaceBytes: layer.workspaceBytes + layer.activationBytes
                )
            profile.layers[index].backward = cost.backward
            profile.layers[index].activationBytes = cost.activationBytes
            profile.layers[index].workspaceBytes = cost.workspaceBytes
        }
        return profile
    }
}
