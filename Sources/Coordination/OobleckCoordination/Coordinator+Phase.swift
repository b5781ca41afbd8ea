import OobleckCore

/// What there is of each phase, for decisions that ask for it; `nil` in another phase.
extension Coordinator {
    /// The plan being prepared.
    var pending: PendingPlan? {
        if case .reconfiguring(let pending) = phase { pending } else { nil }
    }

    /// The plan being prepared, or else the newest that came into force.
    var newestPlan: CoordinatorPlan? { pending?.plan ?? plan }

    var training: TrainingState? {
        if case .training(let training) = phase { training } else { nil }
    }

    /// A report of a broken collective that waits for proof of who died.
    var grace: FaultGrace? {
        switch phase {
        case .reconfiguring(let pending): pending.grace
        case .training(let training): training.grace
        default: nil
        }
    }

    /// Whether the state in force is being evaluated.
    var isEvaluating: Bool {
        if case .training(let training) = phase { training.evaluation != nil } else { false }
    }

    var reconnection: Reconnection? {
        if case .reconnecting(let reconnection) = phase { reconnection } else { nil }
    }

    var collection: LayerCollection? {
        if case .collecting(let collection) = phase { collection } else { nil }
    }

    /// How the run ended, once it has.
    var outcome: RunOutcome? {
        if case .ended(let outcome) = phase { outcome } else { nil }
    }
}
