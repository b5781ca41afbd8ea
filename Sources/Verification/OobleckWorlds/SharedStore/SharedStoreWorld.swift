import Foundation
import OobleckCoordination
import OobleckCore

/// What a world with a shared store has besides: the store, calls to it, and who leads.
struct SharedStoreWorld {
    /// One call of a process to the store.
    struct Call {
        let process: Int
        let request: SimulatedEtcd.Request
        let purpose: Purpose
        var rotation: MemberRotation
        var attempt = 0
        /// The member that was asked last.
        var member = 0
    }

    /// What a call is for.
    enum Purpose {
        /// A write of what was decided on, or of a process that takes over.
        case write(FencedLead.Write)
        case renewal(asked: Double)
        case lease(asked: Double)
        case bid(LeadBid, asked: Double)
        case reading
        case revocation
    }

    /// A standby on its way to the lead.
    struct Candidate {
        let process: Int
        var kept = SharedState()
        /// What is still to be kept before it acts.
        var changes: [DurableChange] = []
    }

    /// Changes of which the writes are on their way.
    struct Writing {
        let process: Int
        let change: DurableChange?
        var rest: [[KeyValueTransaction.Operation]]
        /// What is performed once it is kept; `nil` for a process that takes over.
        let directive: CoordinatorInstance.Directive?
    }

    var etcd = SimulatedEtcd()
    /// Requests that each member has not worked on, because it was stopped.
    var queues = [[(call: Int, attempt: Int, request: SimulatedEtcd.Request)]](
        repeating: [],
        count: SimulatedEtcd.members
    )
    var calls: [Int: Call] = [:]
    var lastCall = 0
    /// Time that a message takes to a member or back, in seconds.
    let latency: Double
    let largestPart: Int

    /// What every process that ever led knows of its lead, also after its end.
    var leads: [Int: FencedLead] = [:]
    /// Processes that led no more by their own account.
    var deposed: Set<Int> = []
    /// The member that answered each process last.
    var members: [Int: Int] = [:]
    var ended: Set<Int> = []
    /// The process that leads, or led last.
    var leading = 0
    var lastProcess = 0
    var candidate: Candidate?
    var writing: Writing?
    /// What the store has kept for the leading process.
    var kept: SharedState
    /// What is known to be kept, summed up, whoever kept it.
    var truth = DurableState()
    /// A change that was begun to be written and was not heard of.
    var unheard: DurableChange?
    /// How the run was to be said to have ended.
    var concluding: RunOutcome?
    /// Whether a standby has heard that the run is over.
    var isToldOver = false
    /// How many faults cut the leading process off from all members.
    var cuts = 0

    init(latency: Double, largestPart: Int) {
        self.latency = latency
        self.largestPart = largestPart
        kept = SharedState(largestPart: largestPart)
    }
}

/// What happens between the processes and the store.
enum StoreHappening {
    case request(call: Int, attempt: Int, SimulatedEtcd.Request, member: Int)
    case reply(call: Int, attempt: Int, SimulatedEtcd.Reply)
    case timeOut(call: Int, attempt: Int)
    case ask(call: Int)
    case renew(process: Int)
    /// A standby bids for the lead.
    case bid
    /// Members may work on what waits.
    case work
}
