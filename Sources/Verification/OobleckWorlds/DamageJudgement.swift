import OobleckCore

/// The judge's own account of whose numbers are damaged, and of what the coordinator makes of that.
struct DamageJudgement: Sendable {
    /// Times that a node's state must be damaged before it may be put out for that.
    private static let limit = 3

    private var flips: [NodeID: Int] = [:]
    private var miscomputing: Set<NodeID> = []
    private var crawling: Set<NodeID> = []
    private var votes: [WorkerID: StepVote] = [:]
    /// Whether a copy was found damaged.
    private(set) var isFound = false

    /// A bit of the node's numbers flips.
    mutating func flipped(_ node: NodeID) { flips[node, default: 0] += 1 }

    mutating func miscomputes(_ node: NodeID) { miscomputing.insert(node) }

    mutating func crawls(_ node: NodeID) { crawling.insert(node) }

    mutating func heard(_ vote: StepVote, from worker: WorkerID) { votes[worker] = vote }

    /// A finding of the coordinator; returns what is wrong with it.
    mutating func said(_ damage: Damage) -> String? {
        switch damage {
        case .copies(let node, _):
            isFound = true
            return flips[node] == nil ? "node \(node) is said to be damaged, and is not" : nil
        case .undecided:
            isFound = true
            return flips.isEmpty ? "copies are said to differ, and none is damaged" : nil
        case .differentBits:
            return miscomputing.isEmpty ? "all compute alike, and are said not to" : nil
        }
    }

    /// A node is put out; returns what is wrong with the reason.
    func blame(_ node: NodeID, _ cause: LossCause) -> String? {
        switch cause {
        case .damaged where flips[node, default: 0] < Self.limit:
            "node \(node) is put out for \(flips[node, default: 0]) flipped bits"
        case .wrongBits where !miscomputing.contains(node),
            .arithmeticChanged where !miscomputing.contains(node):
            "node \(node) is put out for wrong bits, and computes right"
        case .stuck where !crawling.contains(node): "node \(node) is put out, and is not stuck"
        default: nil
        }
    }

    /// A step is recorded that these workers voted for; returns why it must not.
    func recorded(_ step: CommittedStep, _ workers: [WorkerID]) -> String? {
        var digests: [Int: UInt64] = [:]
        var norms: [Int: Double] = [:]
        var checks: [Int: UInt64] = [:]
        for worker in workers {
            guard let vote = votes[worker], vote.step == step.step,
                vote.generation == step.generation
            else { continue }
            guard vote.state.altered.isEmpty else {
                return "step \(step.step) is recorded, and node \(worker) says it is damaged"
            }
            for (layer, digest) in vote.state.digests
            where digests.updateValue(digest, forKey: layer).map({ $0 != digest }) ?? false {
                return "step \(step.step) is recorded, and copies of layer \(layer) differ"
            }
            for (layer, norm) in vote.squaredNorms
            where norms.updateValue(norm, forKey: layer).map({ $0 != norm }) ?? false {
                return "step \(step.step) is recorded, and sums of layer \(layer) differ"
            }
            if let check = vote.spotCheck,
                checks.updateValue(check.digest, forKey: check.layer) ?? check.digest
                    != check.digest
            {
                return "step \(step.step) is recorded, and spot checks differ"
            }
        }
        return nil
    }
}
