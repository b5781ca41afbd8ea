import OobleckSeeds
import OobleckValues

/// What nodes hold under a plan.
func holdings(of document: PlanDocument) -> [NodeID: Set<Int>] {
    var holdings: [NodeID: Set<Int>] = [:]
    for pipeline in document.plan.pipelines {
        guard let template = document.template(nodes: pipeline.templateNodes) else {
            preconditionFailure("plan uses a template of \(pipeline.templateNodes) nodes it lacks")
        }
        for (place, node) in pipeline.nodes.enumerated() {
            holdings[node] = Set(template.layers(ofNode: place))
        }
    }
    return holdings
}

extension ModelProfile {
    /// `layers` layers of random times and state, of which a device holds `perDevice` at most.
    static func random(
        layers layerCount: Int,
        perDevice: Int,
        using random: inout SeededGenerator
    ) -> ModelProfile {
        let layers = (0..<layerCount).map { index in
            LayerProfile(
                name: "block.\(index)",
                forward: Seconds(Double.random(in: 0.01...0.02, using: &random)),
                backward: Seconds(Double.random(in: 0.02...0.04, using: &random)),
                allReduceAcrossNodes: [2: 0.001, 4: 0.002],
                // The limit counts parameters and activations only: equal for all layers.
                parameterBytes: 100,
                gradientBytes: 0,
                optimizerBytes: ByteCount(Int.random(in: 0...100, using: &random))
            )
        }
        return ModelProfile(
            model: "blocks",
            microbatchSize: 1,
            deviceMemory: ByteCount(200 * perDevice),
            layers: layers
        )
    }
}

/// All subsets of `elements` of the given size.
func subsets<Element>(of elements: [Element], size: Int) -> [[Element]] {
    guard size > 0 else { return [[]] }
    guard let first = elements.first else { return [] }
    let rest = Array(elements.dropFirst())
    return subsets(of: rest, size: size - 1).map { [first] + $0 } + subsets(of: rest, size: size)
}
