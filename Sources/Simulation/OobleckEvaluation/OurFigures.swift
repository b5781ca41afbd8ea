import OobleckCore
import OobleckSimulator

/// Figures that the paper does not have, with our own model.
struct OurFigures {
    /// How much of the world is simulated.
    struct Extent: Hashable {
        /// Mean hours between failures of one node, for the first figure.
        var meanHours = [3.0, 10, 30, 100, 1000]
        /// Nodes, for the second.
        var sizes = [128, 512, 2048, 8192, 32_768, 100_000]
        /// Days of the second.
        var days = 30.0
        /// Nodes, for the third.
        var spotSizes = [12, 16, 24, 32, 48]
    }

    /// Worlds of each point.
    let trials: Int
    let seed: UInt64
    var extent = Extent()

    static func model(
        _ name: String,
        microbatches: Int? = nil
    ) throws -> (model: ClusterModel, shape: TransformerShape) {
        let shape = try TransformerShape.named(name)
        let model = ClusterModel(
            profile: shape.profile(shape.device),
            devicesPerNode: shape.devicesPerNode,
            microbatches: microbatches ?? shape.microbatches,
            tokensPerSample: shape.sequence
        )
        return (model, shape)
    }

    /// Hours of nodes that were useful, and all: the two terms of the effective share.
    static func nodeHours(_ result: PolicyOutcomes) -> [String] {
        let useful = result.estimate { Double($0.time[.useful]) / 3.6e12 }
        let all = result.estimate { Double($0.time.total) / 3.6e12 }
        return [FigureTable.number(useful.mean), FigureTable.number(all.mean)]
    }

    static let nodeHourColumns = ["useful_node_hours", "node_hours"]
}
