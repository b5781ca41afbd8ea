import OobleckCore

/// What follows from numbers that are not finite, and from damage.
extension WorldJudge {
    /// Whether a step's update is left out, in every run.
    func skips(_ step: Int) -> Bool { setup.wrongNumbers[step]?.skipsStep == true }

    /// The step in which training has diverged: the last of too many in a row that are skipped.
    var divergence: Int? {
        guard let limit = setup.skipLimit else { return nil }
        var count = 0
        for step in 0..<setup.steps {
            count = skips(step) ? count + 1 : 0
            if count == limit { return step }
        }
        return nil
    }

    func isSame(_ one: Double, _ other: Double) -> Bool {
        one == other || one.isNaN && other.isNaN
    }

    /// Whether the last right copy of a layer may be lost because another is damaged.
    var mayLoseToDamage: Bool { !setup.isWithinTolerance || setup.hasUpdateFlips }

    /// Whether a plan may change at a step boundary for other reasons than nodes that join.
    var mayChangePlan: Bool {
        setup.faults.contains { fault in
            switch fault.action {
            case .drain, .slow, .stop: true
            default: false
            }
        }
    }

    /// Judges the end of a run whose training diverged.
    mutating func checkDivergence(_ error: OobleckError) {
        let isThere = divergence.map { ledger.count == $0 } ?? false
        // What was counted may be forgotten with the power of the machine.
        let isLater = divergence.map { hasLostPower && ledger.count > $0 } ?? false
        if !isThere, !isLater { complain("stopped after \(ledger.count) steps: \(error.message)") }
    }

    /// The final loss that a run with this ledger has: the newest that is a number.
    func isFinal(_ loss: Double?) -> Bool {
        let known = reference.losses.last { $0.isFinite }
        // Another coordinator knows the newest step only.
        let mayBeUnknown = reference.losses.last.map { !$0.isFinite } ?? true
        return loss == known || loss == nil && mayBeUnknown
    }
}
