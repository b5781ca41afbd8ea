import OobleckCore

/// How a row is varied from run to run.
enum Variant: Sendable {
    case plain
    /// Staged deaths at points of the code: what `--fault` takes.
    case staged([String], losses: Int)
    /// The death of a node, and of one that moves layers because of it.
    case mover(String)
    /// Harm to the newest checkpoint.
    case harm(CheckpointHarm)
    /// What is wrong with the disk for checkpoints.
    case disk(FaultyDisk.Fault)
    /// Two nodes.
    case pair(NodeID, NodeID)

    static func all(of fault: DrillFault, repeats: Int) -> [Variant] {
        switch fault {
        case .killAtPoints: points
        case .killAtRecoveryPoints: recoveryPoints
        case .coordinatorAtPoints: coordinatorPoints
        case .lateBitFlip: lateFlips
        case .outOfMemory: [.staged(["kind=memory,node=2,step=8"], losses: 1)]
        case .checkpointDiskFaulty: FaultyDisk.Fault.allCases.map { .disk($0) }
        case .killEveryPair: pairs(of: fault.nodes)
        case .checkpointDamaged: CheckpointHarm.allCases.map { .harm($0) }
        default: Array(repeating: .plain, count: repeats)
        }
    }

    /// Whether the coordinator is to die at this point.
    func mentions(_ point: CoordinatorFailurePoint) -> Bool {
        guard case .staged(let words, _) = self else { return false }
        return words.contains { $0.hasPrefix("coordinator,point=\(point.rawValue),") }
    }

    private static var points: [Variant] {
        // These need a recovery or a return to a checkpoint first, which have rows of their own, or a job
        // that evaluates.
        let elsewhere: Set<FailurePoint> = [
            .midRebuild, .midTransfer, .beforePrepared, .midRestore, .midEvaluation,
        ]
        let points = FailurePoint.allCases.filter { !elsewhere.contains($0) }
        return points.enumerated().flatMap { index, point in
            PlannedFault.Target.allCases.enumerated().map { turn, target in
                let place = "node=\((index + 2 * turn) % 6),point=\(point.rawValue)"
                let words = "\(place),step=\(5 + index + turn),target=\(target.rawValue)"
                return .staged([words], losses: 1)
            }
        }
    }

    private static func pairs(of nodes: Int) -> [Variant] {
        (0..<nodes).flatMap { one in
            (one + 1..<nodes).map { .pair(NodeID(one), NodeID($0)) }
        }
    }

    /// While groups are rebuilt, while layers move, and while all wait for the last to be ready.
    private static var recoveryPoints: [Variant] {
        let first = "node=5,point=mid-forward,step=6,target=node"
        return [
            .staged([first, "node=2,point=mid-rebuild,step=1,target=worker"], losses: 2),
            .mover(first),
            .staged([first, "node=1,point=before-prepared,step=1,target=agent"], losses: 2),
        ]
    }

    /// The plan decides which layers the node holds; the others cannot be hit.
    private static var lateFlips: [Variant] {
        let layers = 0..<DrillLaboratory.layers
        let afterVote = layers.map {
            "kind=flip,node=3,layer=\($0),step=\(5 + $0),point=after-vote"
        }
        // All in one step: nobody can tell which copies are right, and the run goes back once.
        let inUpdate = layers.map { "kind=flip,node=3,layer=\($0),step=10,point=in-update" }
        return [.staged(afterVote, losses: 0), .staged(inUpdate, losses: 0)]
    }

    private static var coordinatorPoints: [Variant] {
        let node = "node=5,point=mid-forward,step=12,target=node"
        // The drills' jobs do not evaluate.
        let elsewhere: Set<CoordinatorFailurePoint> = [.midEvaluation, .afterEvaluation]
        let points = CoordinatorFailurePoint.allCases.filter { !elsewhere.contains($0) }
        return points.map { point in
            .staged([node, "coordinator,point=\(point.rawValue),step=12"], losses: 1)
        }
    }
}
