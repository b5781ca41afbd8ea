import OobleckCore

/// Copies of layers that were found to differ from the others.
struct DamageAccount: Sendable {
    /// Times that a node's state was damaged, after which the node is out.
    static let limit = 3

    var times: [NodeID: Int] = [:]
}

extension Coordinator {
    /// Compares all copies of every layer before the step commits.
    ///
    /// Returns whether they agree. If not the step is redone: after the copies that differ were
    /// replaced from the others, so that nothing computed from them is left.
    mutating func checkCopies(now: Seconds) -> Bool {
        switch StateAgreement(tally.votes.mapValues(\.state)) {
        case .agreed: return true
        case .undecided(let layer, let nodes):
            let list = nodes.map(\.description).joined(separator: " and ")
            let name = profile.layers[layer].name
            let what = "the copies of layer \(layer) (\(name)) on nodes \(list)"
            stop(
                OobleckError(
                    .internalFault,
                    "\(what) differ at step \(committedSteps), and none is known to be right"
                )
            )
        case .damaged(let damaged): replace(damaged, now: now)
        }
        return false
    }

    /// Has damaged copies replaced; a node with damage again and again is put out.
    private mutating func replace(_ damaged: [NodeID: Set<Int>], now: Seconds) {
        var hopeless: [LostNode] = []
        for (node, layers) in damaged.sorted(by: { $0.key < $1.key }) {
            members[node]?.holdings.subtract(layers)
            damage.times[node, default: 0] += 1
            let names = layers.sorted().map { "\($0) (\(profile.layers[$0].name))" }
            let what = "node \(node) holds damaged state of layer \(names.joined(separator: ", "))"
            log(.damaged, node: node, "\(what): copied anew, step \(committedSteps) is redone")
            if damage.times[node, default: 0] >= DamageAccount.limit {
                let evidence = "its state was damaged \(DamageAccount.limit) times"
                hopeless.append(LostNode(id: node, evidence: evidence, firstSign: nil))
            }
        }
        guard hopeless.isEmpty else { return lose(hopeless, now: now) }
        let nodes = damaged.keys.sorted().map(\.description).joined(separator: ", ")
        abort(reason: "damaged state on \(damaged.count == 1 ? "node" : "nodes") \(nodes)")
        reconfigure(now: now)
    }
}
