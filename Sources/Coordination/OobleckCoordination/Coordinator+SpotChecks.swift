import OobleckCore

/// Checks of layers that came to different bits on different nodes.
struct SpotCheckAccount: Sendable {
    /// What is to be done about the answers of one try.
    enum Verdict: Hashable {
        case agreed
        /// These compute wrong, and why that is known of them.
        case wrong([NodeID], how: String)
        /// It is not known which compute wrong.
        case undecided
    }

    private var step = 0
    /// What each node came to in the last try that ended undecided.
    private var before: [NodeID: SpotCheck] = [:]
    private(set) var undecidedTries = 0

    /// Weighs what the holders of a layer came to.
    ///
    /// Most of them are right, if there is a majority. Else a node that came to something else in the try
    /// before is wrong, if another did not.
    func verdict(_ answers: [NodeID: SpotCheck], step: Int) -> Verdict {
        let groups = Dictionary(grouping: answers.keys.sorted()) { answers[$0] }
        guard groups.count > 1 else { return .agreed }
        let most = groups.values.max { $0.count < $1.count } ?? []
        if 2 * most.count > answers.count {
            let wrong = answers.keys.filter { !most.contains($0) }.sorted()
            return .wrong(wrong, how: "\(EventText.nodes(most)) agree on others")
        }
        let known = step == self.step ? before : [:]
        let changed = answers.filter { known[$0.key] != nil && known[$0.key] != $0.value }
        guard !changed.isEmpty, changed.count < answers.count else { return .undecided }
        return .wrong(changed.keys.sorted(), how: "it came to others in the try before")
    }

    /// Keeps what was answered in a try that is not decided.
    mutating func note(_ answers: [NodeID: SpotCheck], step: Int) {
        if step != self.step { undecidedTries = 0 }
        self.step = step
        before = answers
        undecidedTries += 1
    }
}

extension Coordinator {
    /// Tries of one step whose checks are undecided, although all prove the run's arithmetic.
    private static let mostUndecided = 3

    /// Whether all holders of the layer that was checked in this step compute alike.
    ///
    /// If not the step does not count. A node that is known to compute wrong is put out; where it is not
    /// known which does, all prove their arithmetic anew and the step is tried again.
    mutating func checkSpots(_ tally: StepTally, now: Seconds) -> Bool {
        let answers = tally.spotChecksByNode
        let layer = answers.values.first?.layer ?? 0
        guard !knownBugs.contains(.spotChecksIgnored) else { return true }
        switch troubles.spotChecks.verdict(answers, step: committedSteps) {
        case .agreed: return true
        case .wrong(let nodes, let how):
            let cause = LossCause.wrongBits(named(layer), step: committedSteps, how: how)
            lose(nodes.map { LostNode(id: $0, cause: cause, firstSign: nil) }, now: now)
        case .undecided:
            let found = Damage.differentBits(named(layer), answers.keys.sorted())
            let what = found.finding(step: committedSteps)
            troubles.spotChecks.note(answers, step: committedSteps)
            guard troubles.spotChecks.undecidedTries < Self.mostUndecided else {
                let cure = "all prove the run's arithmetic; train without one of them"
                stop(OobleckError(.internalFault, "\(what) again and again: \(cure)"))
                return false
            }
            log(.damaged(found))
            demand.isProofDue = true
            abort(reason: what)
            reconfigure(now: now)
        }
        return false
    }

    /// Puts out nodes whose arithmetic is not the run's any more, by what they prove while they prepare.
    ///
    /// Returns whether nodes were put out.
    mutating func loseDisproved(_ reports: [WorkerID: PreparationReport], now: Seconds) -> Bool {
        guard let arithmetic = agreed.arithmetic else { return false }
        let wrong = reports.filter { _, report in
            report.fingerprint.map { $0 != arithmetic.fingerprint } ?? false
        }
        .keys.sorted()
        guard !wrong.isEmpty, wrong.count < reports.count else { return false }
        let cause = LossCause.arithmeticChanged(mark: arithmetic.mark)
        lose(wrong.nodes.map { LostNode(id: $0, cause: cause, firstSign: nil) }, now: now)
        return true
    }
}
