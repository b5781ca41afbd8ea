import OobleckCore

/// Which node of a run is killed when, and under which plans the run trained.
struct KillSchedule: Sendable {
    /// Steps between a recovery and the next kill.
    static let pause = 2

    private var kills: [KillScript.Kill]
    /// With the nodes that were killed before each.
    private(set) var plans: [(document: PlanDocument, lost: [NodeID])] = []
    private var recoveries = 0
    private var killed = 0
    /// Killed, and not in a plan yet.
    private var pending: [NodeID] = []

    init(_ kills: [KillScript.Kill]) { self.kills = kills }

    mutating func planned(_ plan: PlanDocument) {
        plans.append((plan, pending))
        pending = []
    }

    mutating func recovered() { recoveries += 1 }

    /// The node to kill now that `step` steps are committed; `nil` while none is due.
    ///
    /// One is due once the run has recovered from all earlier ones and some steps have passed.
    mutating func victim(after step: Int) -> NodeID? {
        guard let next = kills.first, recoveries == killed, step > Self.pause * (killed + 1),
            let pipeline = plans.last?.document.plan.pipelines.last(where: {
                $0.nodes.count == next.pipelineSize
            }), let node = pipeline.nodes.last
        else { return nil }
        kills.removeFirst()
        killed += 1
        pending.append(node)
        return node
    }
}
