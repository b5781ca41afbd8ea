import OobleckCore
import OobleckFigures
import OobleckReconfiguration

/// A plan, what happened to its nodes, and the plan that came of it.
public struct PlanTransition: Sendable {
    /// The plan before.
    public let before: PlanDocument
    /// The plan after, with the copies that lead to it.
    public let after: PlanDocument
    /// Nodes that were lost.
    public let lost: [NodeID]

    /// A transition.
    public init(before: PlanDocument, after: PlanDocument, lost: [NodeID]) {
        self.before = before
        self.after = after
        self.lost = lost
    }

    /// Nodes of the plan after that the plan before did not have.
    var joined: [NodeID] {
        let known = Set(before.plan.nodes + before.idleNodes)
        return after.plan.nodes.filter { !known.contains($0) }
    }

    /// What the paper's rules do in this case; `nil` if too few nodes are left.
    var publishedLayout: PublishedLayout? {
        PublishedPolicy(templateSizes: before.templates.map(\.nodes)).layout(
            of: before.plan.pipelines.map(\.nodes),
            losing: Set(lost),
            joining: joined
        )
    }

    /// The rules of section 5 that apply, as `borrow`.
    var rules: [String] {
        let names = (publishedLayout?.changes ?? []).compactMap { change in
            switch change {
            case .shrank: "reinstantiate"
            case .borrowed: "borrow"
            case .merged: "merge"
            case .ended, .divided, .formed, .added, .dividedAll: nil
            }
        }
        return names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// Layers that no living node held before: no copy of them is left.
    var layersWithoutCopy: [Int] {
        let held = Set(Self.holdings(before).filter { !lost.contains($0.key) }.values.joined())
        return (0..<Self.layerCount(before)).filter { !held.contains($0) }
    }

    /// The layers that each node holds.
    static func holdings(_ document: PlanDocument) -> [NodeID: [Int]] {
        var holdings: [NodeID: [Int]] = [:]
        for pipeline in document.plan.pipelines {
            let layers = document.template(nodes: pipeline.templateNodes)?.layersByNode ?? []
            for (node, layers) in zip(pipeline.nodes, layers) { holdings[node] = layers }
        }
        return holdings
    }

    static func layerCount(_ document: PlanDocument) -> Int {
        document.templates.first?.stages.last?.endLayer ?? 0
    }
}

/// The checks, each of which asks nothing of the planner.
extension PlanTransition {
    /// What is wrong with the plan after, if anything: coverage, copies and microbatches.
    ///
    /// `isLayoutOnly` if layers without a copy are known to be missing.
    func complaint(isLayoutOnly: Bool = false) -> String? {
        let living = Set(before.plan.nodes + before.idleNodes).subtracting(lost).union(joined)
        let used = after.plan.nodes
        guard used == living.sorted() else {
            return "nodes \(used) have work, \(living.sorted()) live"
        }
        let layers = Self.layerCount(before)
        let (old, new) = (Self.holdings(before), Self.holdings(after))
        for pipeline in after.plan.pipelines {
            let held = pipeline.nodes.flatMap { new[$0] ?? [] }
            guard held == Array(0..<layers) else {
                return "pipeline \(pipeline.nodes) does not hold each layer once, in order"
            }
        }
        for copy in after.transfers {
            guard !lost.contains(copy.fromNode), old[copy.fromNode]?.contains(copy.layer) == true
            else { return "node \(copy.fromNode) cannot send layer \(copy.layer)" }
        }
        let missing = Set(layersWithoutCopy)
        guard isLayoutOnly || missing.isEmpty else { return "layers \(missing.sorted()) are lost" }
        for (node, needed) in new.sorted(by: { $0.key < $1.key }) {
            let received = after.transfers.filter { $0.toNode == node }.map(\.layer)
            let held = Set(old[node] ?? []).union(received)
            let lacking = needed.filter { !held.contains($0) && !missing.contains($0) }
            guard lacking.isEmpty else { return "node \(node) lacks layers \(lacking)" }
            guard Set(received).isDisjoint(with: old[node] ?? []) else {
                return "node \(node) copies layers that it holds"
            }
        }
        let sum = after.plan.pipelines.reduce(0) { $0 + $1.microbatches }
        guard sum == before.microbatches else {
            return "\(sum) of \(counted(before.microbatches, "microbatch"))"
        }
        return nil
    }
}

/// The picture.
extension PlanTransition {
    func chart(title: String) -> PipelineChart {
        let origins = Dictionary(
            before.plan.pipelines.enumerated().flatMap { index, pipeline in
                pipeline.nodes.map { ($0, index) }
            },
            uniquingKeysWith: { first, _ in first }
        )
        return PipelineChart(
            title: title,
            layerCount: max(1, Self.layerCount(before)),
            before: Self.rows(before) { node in
                (origins[node], lost.contains(node) ? .lost : .working, [])
            },
            after: Self.rows(after) { node in
                (origins[node], joined.contains(node) ? .joined : .working, copies(to: node))
            }
        )
    }

    private typealias Fate = (
        origin: Int?, state: PipelineChart.Box.State, copies: [PipelineChart.Box.Copy]
    )

    private static func rows(
        _ document: PlanDocument,
        _ fate: (NodeID) -> Fate
    ) -> [PipelineChart.Row] {
        let holdings = holdings(document)
        return document.plan.pipelines.enumerated().map { index, pipeline in
            PipelineChart.Row(
                title: "pipeline \(index): "
                    + counted(pipeline.nodes.count, "node") + ", "
                    + counted(pipeline.microbatches, "microbatch"),
                boxes: pipeline.nodes.compactMap { node in
                    guard let layers = holdings[node], let first = layers.first else { return nil }
                    let fate = fate(node)
                    return PipelineChart.Box(
                        name: "node \(node)",
                        layers: first..<first + layers.count,
                        origin: fate.origin,
                        state: fate.state,
                        copies: fate.copies
                    )
                }
            )
        }
    }

    /// Runs of layers that a node gets, with who sends them: the load is spread over all holders.
    private func copies(to node: NodeID) -> [PipelineChart.Box.Copy] {
        let received = after.transfers.filter { $0.toNode == node }.sorted { $0.layer < $1.layer }
        let runs = received.reduce(into: [[LayerTransfer]]()) { runs, copy in
            if runs.last?.last?.layer == copy.layer - 1 {
                runs[runs.count - 1].append(copy)
            } else {
                runs.append([copy])
            }
        }
        return runs.map { run in
            let sources = Set(run.map(\.fromNode)).sorted().map(\.description)
            let details = run.map { "layer \($0.layer) from node \($0.fromNode)" }
            return PipelineChart.Box.Copy(
                layers: run[0].layer..<run[0].layer + run.count,
                source: "from \(sources.count == 1 ? "node" : "nodes") "
                    + sources.joined(separator: ", "),
                details: details.joined(separator: ", ")
            )
        }
    }

    /// Who copies what from whom.
    var copyTable: ArtifactTable {
        let pairs = Dictionary(grouping: after.transfers) { Pair(from: $0.fromNode, to: $0.toNode) }
        let rows = pairs.sorted { ($0.key.to, $0.key.from) < ($1.key.to, $1.key.from) }
        return ArtifactTable(
            columns: ["node", "copies layers", "from node", "size"],
            rows: rows.map { pair, copies in
                let bytes = copies.reduce(ByteCount.zero) { $0 + $1.bytes }
                return [
                    "\(pair.to)", Numbers.list(copies.map(\.layer).sorted()), "\(pair.from)",
                    "\(bytes)",
                ]
            },
            textColumns: [1],
            isForPageOnly: true,
            isFolded: true
        )
    }

    private struct Pair: Hashable {
        let from: NodeID
        let to: NodeID
    }

    /// Pipelines as lists of nodes.
    static func nodes(_ document: PlanDocument) -> String {
        document.plan.pipelines.map { pipeline in
            "[\(pipeline.nodes.map(\.description).joined(separator: ", "))]"
        }
        .joined(separator: " ")
    }
}
