import OobleckValues
import OobleckWords

/// Which sizes of templates to make, where that is not left to the paper's formula.
///
/// By default n_0 is the least node count whose memory holds the model, and the largest template has
/// N - f n_0 nodes (paper, section 4.1). A larger one could never run beside f other pipelines.
public struct TemplateSizes: Hashable, Sendable {
    /// n_0, not less than what memory asks for; `nil` is what memory asks for.
    public var minimumNodes: Int?
    /// Nodes of the largest template; `nil` is the paper's formula.
    public var maximumNodes: Int?

    /// Sizes as the paper has them.
    public static let published = TemplateSizes()

    /// Sizes between two bounds, each of which may be left to the formula.
    public init(minimumNodes: Int? = nil, maximumNodes: Int? = nil) {
        self.minimumNodes = minimumNodes
        self.maximumNodes = maximumNodes
    }

    /// Checks the bounds for `nodes` nodes and a model of `layers` layers.
    ///
    /// Throws ``OobleckError/Code/usage`` in one line.
    func validate(nodes: Int, layers: Int) throws {
        for (name, bound) in [("minimum", minimumNodes), ("maximum", maximumNodes)] {
            guard let bound else { continue }
            let what = "the \(name) size of a template is \(counted(bound, "node"))"
            guard bound >= 1 else {
                throw OobleckError(.usage, "\(what); it must be at least 1")
            }
            guard bound <= nodes else {
                throw OobleckError(
                    .usage,
                    "\(what); it must be at most \(nodes), the nodes that are planned for"
                )
            }
            guard bound <= layers else {
                throw OobleckError(
                    .usage,
                    "\(what); it must be at most \(layers), as each node needs one of the model's "
                        + "\(counted(layers, "layer"))"
                )
            }
        }
    }

    /// n_0, which is `needed` for memory's sake.
    func minimum(needed: Int, model: String) throws -> Int {
        let minimum = minimumNodes ?? needed
        guard minimum >= needed else {
            throw OobleckError(
                .noPlan,
                "the minimum size of a template is \(counted(minimum, "node")); it must be at "
                    + "least \(needed), as fewer do not hold \(model) in their memory"
            )
        }
        if let maximumNodes, maximumNodes < minimum {
            throw OobleckError(
                .usage,
                "the maximum size of a template is \(counted(maximumNodes, "node")); it must be "
                    + "at least \(minimum), the minimum size"
            )
        }
        return minimum
    }
}
