import OobleckCore

/// Numbers of a step that are not finite: those of one microbatch, wherever it is computed.
package struct WrongNumbers: Hashable, Sendable {
    /// Where they appear first.
    package enum Place: Hashable, Sendable {
        case output(layer: Int)
        case gradient(layer: Int)
        case loss
        /// Not in the step, but in the evaluation of the state before it.
        case evaluation
    }

    package var place: Place
    package var microbatch: Int

    package init(_ place: Place, microbatch: Int) {
        self.place = place
        self.microbatch = microbatch
    }

    /// Whether the update of the step is left out.
    var skipsStep: Bool { place != .evaluation }

    var spoilsEvaluation: Bool { place == .evaluation }

    /// Whether the loss is none: it follows from a layer's output.
    var spoilsLoss: Bool {
        switch place {
        case .output, .loss: true
        case .gradient, .evaluation: false
        }
    }

    /// The layer whose gradient is not finite; all of its holders say so.
    var spoiledNorm: Int? {
        switch place {
        case .output(let layer), .gradient(let layer): layer
        case .loss, .evaluation: nil
        }
    }

    /// What a worker that runs the microbatch with these layers finds.
    func findings(of layers: Set<Int>) -> NonFiniteLayers {
        switch place {
        case .output(let layer) where layers.contains(layer):
            NonFiniteLayers(outputs: [layer], gradients: [layer])
        case .gradient(let layer) where layers.contains(layer):
            NonFiniteLayers(gradients: [layer])
        default: NonFiniteLayers()
        }
    }
}
