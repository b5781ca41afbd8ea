public import OobleckValues

/// Pipelines that the published policy leads to.
public struct PublishedLayout: Hashable, Sendable {
    /// The nodes of each pipeline in the order of its template's places; by size, then by lowest
    /// node.
    public var pipelines: [[NodeID]]
    /// Living nodes that no template has a place for, ascending.
    public var idleNodes: [NodeID]
    /// What was done, in order.
    public var changes: [PipelineChange]
}

/// Policy `sosp23`: the pipelines after losses (paper, section 5; `Documentation/Planner.md`).
///
/// (1) A pipeline that lost nodes and still has n >= n_0 takes the template of its new size. (2)
/// Otherwise it borrows from the largest pipeline above n_0, the last one on a tie, which lends from
/// its end until the borrower has n_0 or it has no more itself. (3) If none can lend, the short
/// pipelines are merged in order, and a rest that is still short joins the first healthy one.
///
/// Two departures from the published code (`ReconfigurationEngine` in `oobleck/execution/engine.py`
/// of SymbioticLab/Oobleck): sizes without a template, on which it fails, are cut to sizes with one
/// (`PipelineFit`), and nodes may join. A pipeline that lost or lent nodes but received none
/// keeps the order of its nodes, and a new node stands last; the published code sorts every
/// pipeline, which is the same for ascending nodes.
public struct PublishedPolicy: Sendable {
    private let sizes: [Int]
    private let mostPipelines: Int

    /// The policy over templates of these sizes, of which there must be at least one.
    ///
    /// - Parameters:
    ///   - templateSizes: Node counts of the templates.
    ///   - mostPipelines: Greatest count of pipelines, as each needs a microbatch.
    public init(templateSizes: [Int], mostPipelines: Int = .max) {
        sizes = Set(templateSizes).sorted()
        self.mostPipelines = mostPipelines
        precondition(sizes.first.map { $0 > 0 } ?? false, "template sizes are \(templateSizes)")
        precondition(mostPipelines > 0, "\(mostPipelines) pipelines at most")
    }

    /// The pipelines after nodes were lost and others joined, or `nil` if there are fewer nodes
    /// than the smallest template has.
    ///
    /// Nodes that join form pipelines of their own, as large as templates allow; when they are too
    /// few for one, each is added to the smallest pipeline that has a template one larger, the
    /// first on a tie.
    public func layout(
        of pipelines: [[NodeID]],
        losing lost: Set<NodeID>,
        joining joined: [NodeID] = []
    ) -> PublishedLayout? {
        let alive = pipelines.joined().count { !lost.contains($0) }
        guard let minimum = sizes.first, alive + joined.count >= minimum else { return nil }
        var regrouping = PipelineRegrouping(
            pipelines,
            losing: lost,
            sizes: sizes,
            mostPipelines: mostPipelines
        )
        if alive >= minimum {
            regrouping.borrow()
            regrouping.merge()
            regrouping.cutMisfits()
            regrouping.add(joined.sorted())
        } else {
            regrouping.startOver(with: joined.sorted())
        }
        regrouping.employSpareNodes()
        return regrouping.layout
    }
}
