import OobleckValues

/// Pipelines on their way from one plan to the next under the published policy.
struct PipelineRegrouping {
    /// Nodes of one pipeline to be, and the old pipelines that it continues.
    private struct Group {
        var origins: [Int]
        var nodes: [NodeID]
    }

    private let sizes: [Int]
    private let minimum: Int
    private let mostPipelines: Int
    private var groups: [Group] = []
    /// Nodes without a place so far.
    private var spare: [NodeID] = []
    private var changes: [PipelineChange] = []

    /// The survivors of each pipeline; pipelines without any are left out.
    init(_ pipelines: [[NodeID]], losing lost: Set<NodeID>, sizes: [Int], mostPipelines: Int) {
        self.sizes = sizes
        self.mostPipelines = mostPipelines
        minimum = sizes.first ?? 1
        for (index, nodes) in pipelines.enumerated() {
            let alive = nodes.filter { !lost.contains($0) }
            if alive.isEmpty {
                changes.append(.ended(pipeline: index))
                continue
            }
            if alive.count < nodes.count, alive.count >= minimum {
                changes.append(.shrank(pipeline: index, from: nodes.count, to: alive.count))
            }
            groups.append(Group(origins: [index], nodes: alive))
        }
    }

    /// The result: by size, then by lowest node.
    var layout: PublishedLayout {
        let pipelines = groups.map(\.nodes).map { (lowest: $0.min() ?? 0, nodes: $0) }
            .sorted { ($0.nodes.count, $0.lowest) < ($1.nodes.count, $1.lowest) }
        return PublishedLayout(
            pipelines: pipelines.map(\.nodes),
            idleNodes: spare.sorted(),
            changes: changes
        )
    }

    /// Rule 2.
    mutating func borrow() {
        for index in groups.indices where groups[index].nodes.count < minimum {
            while groups[index].nodes.count < minimum, let lender {
                var borrowed: [NodeID] = []
                while groups[index].nodes.count + borrowed.count < minimum,
                    groups[lender].nodes.count > minimum
                {
                    borrowed.append(groups[lender].nodes.removeLast())
                }
                changes.append(
                    .borrowed(
                        pipeline: groups[index].origins[0],
                        nodes: borrowed.sorted(),
                        from: groups[lender].origins[0]
                    )
                )
                groups[index].nodes = (groups[index].nodes + borrowed).sorted()
            }
        }
    }

    /// The largest group above n_0, the last one on a tie.
    private var lender: Int? {
        let largest = groups.indices.max {
            (groups[$0].nodes.count, $0) < (groups[$1].nodes.count, $1)
        }
        guard let largest, groups[largest].nodes.count > minimum else { return nil }
        return largest
    }

    /// Rule 3.
    ///
    /// The groups hold at least n_0 nodes together.
    mutating func merge() {
        var short = groups.filter { $0.nodes.count < minimum }
        var whole = groups.filter { $0.nodes.count >= minimum }
        guard !short.isEmpty else { return }
        short.reverse()
        while var merged = short.popLast() {
            while merged.nodes.count < minimum {
                guard let next = short.popLast() ?? whole.first else {
                    preconditionFailure("\(merged.nodes.count) nodes in all, \(minimum) needed")
                }
                if next.nodes.count >= minimum { whole.removeFirst() }
                merged.origins += next.origins
                merged.nodes += next.nodes
            }
            merged.nodes.sort()
            changes.append(.merged(pipelines: merged.origins.sorted(), size: merged.nodes.count))
            whole.append(merged)
        }
        groups = whole
    }

    /// Brings every group to sizes of templates without touching those that have one.
    mutating func cutMisfits() {
        let fitting = groups.filter { sizes.contains($0.nodes.count) }
        let misfits = groups.filter { !sizes.contains($0.nodes.count) }
        guard !misfits.isEmpty else { return }
        let fit = PipelineFit(sizes: sizes, mostPipelines: mostPipelines - fitting.count)
        let result = fit.divide(misfits.map(\.nodes), spare: [])
        changes.append(
            .divided(
                size: misfits.reduce(0) { $0 + $1.nodes.count },
                into: result.pipelines.map(\.count)
            )
        )
        groups = fitting + result.pipelines.map { Group(origins: [], nodes: $0) }
        spare += result.idle
    }

    /// Gives nodes that join, and those that have no place, a pipeline of their own or a place in
    /// one.
    mutating func add(_ joined: [NodeID]) {
        spare += joined
        while let size = sizes.last(where: { $0 <= spare.count }), groups.count < mostPipelines {
            let nodes = Array(spare.prefix(size))
            spare.removeFirst(size)
            changes.append(.formed(nodes: nodes))
            groups.append(Group(origins: [], nodes: nodes))
        }
        var left: [NodeID] = []
        for node in spare {
            let extensible = groups.indices.filter { sizes.contains(groups[$0].nodes.count + 1) }
            let smallest = extensible.min {
                (groups[$0].nodes.count, $0) < (groups[$1].nodes.count, $1)
            }
            guard let smallest else {
                left.append(node)
                continue
            }
            groups[smallest].nodes.append(node)
            changes.append(.added(node: node, size: groups[smallest].nodes.count))
        }
        spare = left
    }

    /// Forms pipelines of all nodes when the survivors alone are too few for one.
    mutating func startOver(with joined: [NodeID]) {
        let nodes = groups.flatMap(\.nodes).sorted() + joined
        groups = []
        spare = []
        add(nodes)
    }

    /// Divides all nodes again if that leaves fewer of them without a place.
    mutating func employSpareNodes() {
        guard !spare.isEmpty else { return }
        let fit = PipelineFit(sizes: sizes, mostPipelines: mostPipelines)
        let result = fit.divide(groups.map(\.nodes), spare: spare)
        guard result.idle.count < spare.count else { return }
        changes.append(.dividedAll(into: result.pipelines.map(\.count)))
        groups = result.pipelines.map { Group(origins: [], nodes: $0) }
        spare = result.idle
    }
}
