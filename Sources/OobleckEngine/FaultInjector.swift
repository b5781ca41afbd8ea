import Foundation
import OobleckCore

/// Stages failures at named points of the code (`oobleck train --fault`), for tests and
/// demonstrations.
///
/// Without staged failures it does nothing.
final class FaultInjector {
    /// Points of a reconfiguration, of a save and of a return to one.
    private static let rarePoints: Set<FailurePoint> = [
        .midRebuild, .midTransfer, .beforePrepared, .midCheckpoint, .midRestore,
    ]

    private var pending: [PlannedFault]

    init(faults: [PlannedFault], node: NodeID) {
        pending = faults.filter { $0.node == node }
    }

    /// Dies here if a failure is staged for this point and step.
    ///
    /// Points that are not in every step take the first one at or after the staged step.
    func reach(_ point: FailurePoint, step: Int) {
        guard !pending.isEmpty else { return }
        let isRare = Self.rarePoints.contains(point)
        let index = pending.firstIndex { fault in
            fault.point == point && (isRare ? fault.step <= step : fault.step == step)
        }
        guard let index else { return }
        let fault = pending.remove(at: index)
        switch fault.target {
        case .worker: kill(getpid(), SIGKILL)
        case .agent: kill(getppid(), SIGKILL)
        case .node: kill(0, SIGKILL)
        }
    }
}
