import OobleckCoordination
import OobleckCore

extension EngineBench {
    /// What the coordinator had recorded.
    struct Records {
        var steps: [CommittedStep] = []
        var evaluations: [RecordedEvaluation] = []
        var restored: [RestoredRun] = []
        var recoveries: [RecoveryRecord] = []
        var events: [RunEvent] = []
        var plans: [PlanDocument] = []
        var published: [Int] = []
        /// Bytes of layers that each node has received.
        var received: [NodeID: ByteCount] = [:]
        /// What was exchanged and kept up to each committed step.
        var traffic: [BenchTraffic] = []
        var outcome: RunOutcome?

        /// Digests of the final state by layer; empty where the run did not complete.
        var layerDigests: [String] {
            if case .completed(let digests, _) = outcome { digests } else { [] }
        }

        /// Nodes that were lost, in order.
        var lost: [NodeID] { events.filter { $0.kind == .nodeLost }.compactMap(\.node) }

        /// Keeps what a directive has recorded.
        mutating func note(_ directive: CoordinatorInstance.Directive) {
            switch directive {
            case .record(let step): steps.append(step)
            case .recordEvaluation(let evaluation): evaluations.append(evaluation)
            case .restored(let run): restored.append(run)
            case .recovered(let recovery): recoveries.append(recovery)
            case .log(let event): events.append(event)
            case .publish(let plan): plans.append(plan)
            case .finish(let outcome): self.outcome = outcome
            default: break
            }
        }
    }
}
