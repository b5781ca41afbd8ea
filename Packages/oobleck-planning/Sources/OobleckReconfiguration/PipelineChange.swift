public import OobleckValues
import OobleckWords

/// One action of the published policy; pipelines are numbered as in the old plan.
public enum PipelineChange: Hashable, Sendable, CustomStringConvertible {
    /// A pipeline lost all its nodes.
    case ended(pipeline: Int)
    /// A pipeline lost nodes and continues with the others.
    case shrank(pipeline: Int, from: Int, to: Int)
    /// A pipeline below n_0 borrowed nodes from another.
    case borrowed(pipeline: Int, nodes: [NodeID], from: Int)
    /// Pipelines became one.
    case merged(pipelines: [Int], size: Int)
    /// The nodes of a pipeline without a template were divided again.
    case divided(size: Int, into: [Int])
    /// Nodes formed a new pipeline.
    case formed(nodes: [NodeID])
    /// A node was added to a pipeline, which has `size` nodes now.
    case added(node: NodeID, size: Int)
    /// All nodes were divided again because some had no place.
    case dividedAll(into: [Int])

    /// As `pipeline 1 borrows node 12 of pipeline 3`.
    public var description: String {
        switch self {
        case .ended(let pipeline):
            "pipeline \(pipeline) ends"
        case .shrank(let pipeline, let from, let to):
            "pipeline \(pipeline) goes on with \(to) of \(from) nodes"
        case .borrowed(let pipeline, let nodes, let lender):
            "pipeline \(pipeline) borrows \(phrase(nodes)) of pipeline \(lender)"
        case .merged(let pipelines, let size):
            "pipelines \(pipelines.map(String.init).joined(separator: " and ")) merge to "
                + "\(counted(size, "node"))"
        case .divided(let size, let sizes):
            "no template of \(counted(size, "node")), divided into \(sum(sizes))"
        case .formed(let nodes):
            "\(phrase(nodes)) \(nodes.count == 1 ? "forms" : "form") a pipeline"
        case .added(let node, let size):
            "node \(node) makes a pipeline one of \(size)"
        case .dividedAll(let sizes):
            "no place for some, all divided into \(sum(sizes))"
        }
    }

    private func sum(_ sizes: [Int]) -> String {
        sizes.isEmpty ? "none" : sizes.map(String.init).joined(separator: "+")
    }
}

/// As `node 3`, `nodes 3, 4` or, when they are many, `17 nodes`.
func phrase(_ nodes: [NodeID]) -> String {
    guard nodes.count <= 8 else { return "\(counted(nodes.count, "node"))" }
    let numbers = nodes.map(\.description).joined(separator: ", ")
    return "\(nodes.count == 1 ? "node" : "nodes") \(numbers)"
}
