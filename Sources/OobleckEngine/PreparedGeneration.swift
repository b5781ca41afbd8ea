import OobleckCore
import OobleckModels

/// A plan whose groups are formed and whose layers are here, waiting to be resumed.
struct PreparedGeneration {
    let reconfiguration: Reconfiguration
    /// This node's work; `nil` when the plan has none for it (it only lent its layers).
    let assignment: StageAssignment?
    let groupPlan: GroupPlan
    let resources: GenerationResources
    /// The layers that the node will hold, without those it will not.
    let layers: [Int: LayerState]

    /// The state as training uses it: two layers with a tied matrix share it.
    func adoptLayers() -> [Int: LayerState] {
        if let embedding = layers[0], let last = layers.keys.max(), last > 0,
            let head = layers[last], head.tied != nil
        {
            head.shareTied(with: embedding)
        }
        return layers
    }
}
