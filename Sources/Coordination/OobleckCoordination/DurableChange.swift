import OobleckCore

/// One thing about a run that its next coordinator has to know.
///
/// ``Coordinator`` asks for each with ``CoordinatorDirective/persist(_:)`` before the first
/// directive that depends on it, so that whatever anybody was told is known after a restart.
package enum DurableChange: Hashable, Sendable, Codable {
    /// A coordinator took over: the first, or one that restarts the run.
    case tookOver(term: Int)
    /// A number was given to a node whose agent is this process.
    case joined(NodeID, agentPID: Int)
    /// The node is out for good; it failed, or it left in order.
    case left(NodeID, hasFailed: Bool, as: NodeStatus.State)
    /// The node is to leave at a step boundary, or not any more.
    case draining(NodeID, Bool)
    /// A plan was decided on: its generation is given out.
    case planned(PlanDocument)
    /// A generation was given out for something else than a plan.
    case numbered(Generation)
    /// The plan of this generation, the newest, is in force.
    case inForce(Generation)
    /// A step counts.
    case committed(CommittedStep)
    /// The plan of this generation, the newest, is in force, and its state is a checkpoint's: later
    /// steps count no more.
    case restored(RestoredRun, RestoreRecord)
    /// After a loss of power: the steps that count are those of the ledger, instead of the number that
    /// was kept here.
    case recounted(RecordedHistory, from: Int)
    /// All nodes have to compute so from now on; `nil` leaves it to the next that gets ready.
    case computing(Arithmetic?)
    /// The state was evaluated on the validation data.
    case evaluated(RecordedEvaluation)
    /// A failure was survived.
    case recovered(RecoveryRecord)
    /// A node ran out of memory.
    case ranOutOfMemory(MemoryFailure)

    /// Whether the next coordinator must know it also after a loss of power.
    ///
    /// Nodes may outlive that: they must not be taken for further than the run, numbers and generations
    /// are given once, and a node that was let in is let in again. Steps are not urgent: workers prove
    /// what they have, and what none has is done again.
    package var isUrgent: Bool {
        switch self {
        case .restored, .recounted, .joined, .planned, .numbered, .inForce: true
        case .tookOver, .left, .draining, .committed, .computing, .evaluated, .recovered,
            .ranOutOfMemory:
            false
        }
    }
}

/// A node whose worker ran out of memory, and with what.
package struct MemoryFailure: Hashable, Sendable, Codable {
    package var node: NodeID
    /// What the node calls itself, also when it comes back under another number.
    package var name: String
    /// What it had been given to hold.
    package var load: MemoryBound

    package init(node: NodeID, name: String, load: MemoryBound) {
        self.node = node
        self.name = name
        self.load = load
    }
}

/// What a coordinator that restarts a run starts from: all ``DurableChange``s so far, summed up.
package struct DurableState: Hashable, Sendable, Codable {
    /// What is kept of a node; its number is never given again.
    package struct Node: Hashable, Sendable, Codable {
        package var agentPID: Int
        package var isOut = false
        package var isDraining = false
        /// How a node that is out is told of; `nil` is dead.
        package var ending: NodeStatus.State?

        package init(
            agentPID: Int,
            isOut: Bool = false,
            isDraining: Bool = false,
            ending: NodeStatus.State? = nil
        ) {
            self.agentPID = agentPID
            self.isOut = isOut
            self.isDraining = isDraining
            self.ending = ending
        }
    }

    /// How many coordinators the run has had.
    package var term = 0
    package var nodes: [NodeID: Node] = [:]
    package var failures = 0
    /// The newest generation given out.
    package var lastGeneration: Generation?
    /// The newest plan.
    package var planned: PlanDocument?
    /// The plan in force, or the last one that was.
    package var inForce: PlanDocument?
    /// How often a plan came into force.
    package var plansInForce = 0
    /// The newest step committed since ``restored``.
    package var committed: CommittedStep?
    /// The newest return to a checkpoint.
    package var restored: RestoredRun?
    package var restores: [RestoreRecord] = []
    package var recoveries: [RecoveryRecord] = []
    package var memoryFailures: [MemoryFailure] = []
    /// What the run's nodes compute with, once one of them got ready.
    package var arithmetic: Arithmetic?
    /// The newest evaluation on the validation data since ``restored``.
    package var evaluated: RecordedEvaluation?
    /// Steps skipped up to now since the last that was not; `nil` is none.
    package var skippedInARow: Int?

    /// The state of a run that has not begun.
    package init() {}

    /// Which steps count, as far as it was kept here.
    package var history: RecordedHistory {
        RecordedHistory(
            restored: restored,
            committed: committed,
            arithmetic: arithmetic,
            evaluated: evaluated
        )
    }

    package var committedSteps: Int { history.steps }

    package mutating func apply(_ change: DurableChange) {
        switch change {
        case .tookOver(let term): self.term = term
        case .joined(let node, let pid): nodes[node] = Node(agentPID: pid)
        case .left(let node, let hasFailed, let ending):
            nodes[node, default: Node(agentPID: 0)].isOut = true
            nodes[node]?.ending = ending
            if hasFailed { failures += 1 }
        case .draining(let node, let isDraining): nodes[node]?.isDraining = isDraining
        case .planned(let plan):
            planned = plan
            lastGeneration = plan.plan.generation
        case .numbered(let generation): lastGeneration = generation
        case .inForce(let generation): putInForce(generation)
        case .restored(let restored, let record):
            putInForce(restored.generation)
            goBackSkips(committedSteps - restored.step)
            self.restored = restored
            restores.append(record)
            (committed, evaluated) = (nil, nil)
        case .committed(let step):
            committed = step
            countSkips(step.skips(after: skippedInARow ?? 0))
        case .computing(let arithmetic): self.arithmetic = arithmetic
        case .recounted(let history, let steps): recount(history, from: steps)
        case .evaluated(let recorded): evaluated = recorded
        case .recovered(let record): recoveries.append(record)
        case .ranOutOfMemory(let failure): memoryFailures.append(failure)
        }
    }

    private mutating func putInForce(_ generation: Generation) {
        guard let planned, planned.plan.generation == generation else { return }
        inForce = planned
        plansInForce += 1
    }
}
