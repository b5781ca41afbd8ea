import OobleckCore

// What outlives the phases of a run, by what it is about.

/// When this coordinator was surely at work, and when it was not.
struct Attendance: Sendable {
    /// Time of the first event, and of the last tick.
    var started: Seconds?
    var lastTick: Seconds?
    /// When it was last found that this process had been away, or cut off from many nodes at once.
    var lastAbsence: Seconds?
}

/// What all nodes have to have in common, once one of them got ready.
struct Agreement: Sendable {
    /// What they compute with.
    var arithmetic: Arithmetic?
    /// What the first node that got ready has read, and that node: all others have to read the same.
    var read: (digests: ReadDigests, node: NodeID)?
}

/// The nodes that the run starts with.
struct RunStart: Sendable {
    /// Set in a run that is resumed, until its first plan comes into force.
    var newcomers: Newcomers?
    /// Numbers of nodes that are being started and have not joined yet.
    var reserved: Set<NodeID> = []
    /// Whether the first nodes that the run waits for were named.
    var hasNamedMissing = false
    /// Why the latest node was lost before the run started.
    var failure: String?
}

/// What the next plan is decided by, beside the nodes that are there.
struct PlanDemand: Sendable {
    /// Whether membership has changed since the last decision.
    var isWanted = false
    /// Nodes that came since then.
    var joins = JoinStorm()
    /// Whether it asks all nodes for a proof of their arithmetic.
    var isProofDue = false
    /// Whether the last plan covers as many losses as the job asks for.
    var coversFaultTolerance = true
}

/// What has gone wrong up to now without the loss of a node, and how often.
struct TroubleAccounts: Sendable {
    var damage = DamageAccount()
    var slowness = SlownessAccount()
    var memory = MemoryAccount()
    var cuts = CutAccount()
    var stragglers = StragglerAccount()
    var spotChecks = SpotCheckAccount()
    var quarantine: Quarantine
    /// Tries of a step that failed although all nodes live.
    var retries = (step: 0, count: 0)
    /// Steps skipped up to now since the last that was not.
    var skippedInARow = 0
}

/// What a failure costs, and since when.
struct RecoveryTimes: Sendable {
    /// The failure that is being survived.
    var pending: PendingRecovery?
    /// First report of a broken collective since training last resumed.
    var firstFault: Seconds?
    /// When the processes of a node were killed, where that was said.
    var killTimes: [NodeID: Seconds] = [:]
}

/// What waits are derived from, as measured up to now.
struct MeasuredTimes: Sendable {
    var steps = StepTimes()
    /// Bytes a second of the slowest copy of layers.
    var slowestCopy: Double?
}

/// What one event leads to, by how urgent it is.
struct Outbox: Sendable {
    /// What workers wait for.
    private(set) var directives: [CoordinatorDirective] = []
    /// What only people read.
    private(set) var notes: [CoordinatorDirective] = []
    /// What workers are told at the end: only once the result is kept, since they could be asked again.
    private(set) var farewells: [CoordinatorDirective] = []

    mutating func perform(_ directive: CoordinatorDirective) { directives.append(directive) }

    mutating func note(_ directive: CoordinatorDirective) { notes.append(directive) }

    mutating func bid(_ farewell: CoordinatorDirective) { farewells.append(farewell) }

    /// All of it in the order in which it is to be performed; with `outcome`, as the last of the run.
    func all(endingWith outcome: RunOutcome?) -> [CoordinatorDirective] {
        guard let outcome else { return directives + notes }
        return directives + notes + [.conclude(outcome)] + farewells + [.finish(outcome)]
    }
}
