public import OobleckValues

/// The templates for a range of node counts (`Documentation/Planner.md`, "Sizes").
public struct TemplateSet: Hashable, Sendable {
    /// The templates, by node count ascending.
    public let templates: [PipelineTemplate]
    /// n_0: the least node count that a template exists for.
    public let minimumNodes: Int
    /// From how many nodes to how many every layer has f + 1 copies.
    public let guarantee: Guarantee

    /// A set of templates, ascending by node count.
    public init(templates: [PipelineTemplate], minimumNodes: Int, guarantee: Guarantee) {
        self.templates = templates
        self.minimumNodes = minimumNodes
        self.guarantee = guarantee
    }

    /// The template over `nodes` nodes, if the set has one.
    public func template(nodes: Int) -> PipelineTemplate? {
        templates.first { $0.nodes == nodes }
    }

    /// The node counts of the guarantee that are no sum of at least f + 1 template sizes: there,
    /// some node stays idle.
    ///
    /// Empty when the sizes are consecutive and at least n_0 of them, which memory or a small count
    /// of layers can prevent. O(N f templates).
    public var idlingNodeCounts: [Int] {
        let range = guarantee.minimumNodes..<max(guarantee.minimumNodes, guarantee.maximumNodes + 1)
        guard let greatest = range.last else { return [] }
        let enough = guarantee.faultTolerance + 1
        // most[n]: the most pipelines, counted up to f + 1, whose sizes sum to n.
        var most = [Int?](repeating: nil, count: greatest + 1)
        most[0] = 0
        for total in 1...greatest {
            for template in templates where template.nodes <= total {
                guard let rest = most[total - template.nodes] else { continue }
                most[total] = max(most[total] ?? 0, min(rest + 1, enough))
            }
        }
        return range.filter { (most[$0] ?? 0) < enough }
    }
}
