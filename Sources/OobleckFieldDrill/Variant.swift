import OobleckCore

/// How a row is varied from run to run.
enum Variant: Sendable {
    case plain
    /// Staged deaths at points of the code: what `--fault` takes.
    case staged([String], losses: Int)
    /// The death of a node, and of one that moves layers because of it.
    case mover(String)

    static func all(of fault: DrillFault, repeats: Int) -> [Variant] {
        switch fault {
        case .killAtPoints: points
        case .killAtRecoveryPoints: recoveryPoints
        case .coordinatorAtPoints: coordinatorPoints
        default: Array(repeating: .plain, count: repeats)
        }
    }

    /// Whether the coordinator is to die at this point.
    func mentions(_ point: CoordinatorFailurePoint) -> Bool {
        guard case .staged(let words, _) = self else { return false }
        return words.contains { $0.hasPrefix("coordinator,point=\(point.rawValue),") }
    }

    private static var points: [Variant] {
        // These need a recovery or a return to a checkpoint first: rows of their own.
        let inRecovery: Set<FailurePoint> = [
            .midRebuild, .midTransfer, .beforePrepared, .midRestore,
        ]
        return FailurePoint.allCases.enumerated().compactMap { index, point in
            guard !inRecovery.contains(point) else { return nil }
            let target = PlannedFault.Target.allCases[index % 3].rawValue
            let words = "node=\(index % 6),point=\(point.rawValue),step=\(5 + index)"
            return .staged(["\(words),target=\(target)"], losses: 1)
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

    private static var coordinatorPoints: [Variant] {
        let node = "node=5,point=mid-forward,step=12,target=node"
        return CoordinatorFailurePoint.allCases.map { point in
            .staged([node, "coordinator,point=\(point.rawValue),step=12"], losses: 1)
        }
    }
}
