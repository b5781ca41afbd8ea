import OobleckCore
import OobleckModels

/// A plan whose groups are formed and whose layers have arrived, before `resume`.
struct PreparedGeneration {
    let reconfiguration: Reconfiguration
    /// This node's work; `nil` when the plan has none for it (it only lent its layers).
    let assignment: StageAssignment?
    let groupPlan: GroupPlan
    let resources: GenerationResources
    /// The layers that the node will hold, without those it will not.
    let layers: [Int: LayerState]

    /// The state as training uses it: layers that use one tied parameter share it.
    func adoptLayers() -> [Int: LayerState] {
        let sharing = layers.values.filter { !$0.tied.isEmpty }.sorted { $0.layer < $1.layer }
        for (index, first) in sharing.enumerated() {
            for other in sharing[(index + 1)...] { other.shareTied(with: first) }
        }
        return layers
    }
}
