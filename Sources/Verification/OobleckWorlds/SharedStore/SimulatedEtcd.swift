import Foundation
import OobleckCoordination
import OobleckCore

/// An etcd of three members on a virtual clock: what it holds, its leases, and members that stand still
/// for a while and then work on what had come.
///
/// Members agree as Raft has it: what is done is done once, at one moment, and only while two of them
/// work. When the member that leads them stands still, or two do, the others elect another, and leases
/// begin anew: their clocks are the leading member's.
struct SimulatedEtcd {
    enum Request {
        case transaction(KeyValueTransaction)
        case grant(seconds: Int)
        case renew(Int64)
        case revoke(Int64)
        /// Everything.
        case read
    }

    enum Reply {
        case transaction(KeyValueAnswer)
        case granted(Int64)
        /// Seconds that a lease lasts; 0 when it is over.
        case renewed(Int64)
        case done
        case entries([KeyValue])
        case refused(String)
    }

    private struct Lease {
        var seconds: Int
        var expires: Double
    }

    static let members = 3

    private(set) var entries: [String: KeyValue] = [:]
    private var revision: Int64 = 1
    private var leases: [Int64: Lease] = [:]
    private var lastLease: Int64 = 0
    /// How many faults hold each member still.
    private var stalls = [Int](repeating: 0, count: members)
    private var leader = 0
    /// When the members have a leader again.
    private(set) var electedAt = 0.0
    private var hadMajority = true
    /// Takes nothing new: its space is used up.
    var isFull = false

    private var hasMajority: Bool { stalls.count { $0 == 0 } >= 2 }

    /// Whether a member works on requests now.
    func serves(_ member: Int, now: Double) -> Bool {
        stalls[member] == 0 && hasMajority && now >= electedAt
    }

    // MARK: Members

    mutating func stall(_ member: Int, _ election: Double, now: Double) {
        expire(now)
        stalls[member] += 1
        noteMembers(election, now: now)
    }

    mutating func resume(_ member: Int, _ election: Double, now: Double) {
        stalls[member] -= 1
        noteMembers(election, now: now)
    }

    private mutating func noteMembers(_ election: Double, now: Double) {
        defer { hadMajority = hasMajority }
        guard hasMajority, !hadMajority || stalls[leader] > 0 else { return }
        leader = stalls.firstIndex(of: 0) ?? leader
        electedAt = max(electedAt, now + election)
        let start = electedAt
        leases = leases.mapValues {
            Lease(seconds: $0.seconds, expires: start + Double($0.seconds))
        }
    }

    /// Ends leases, and what stands under them.
    ///
    /// Only members that agree can do it.
    mutating func expire(_ now: Double) {
        guard hasMajority, now >= electedAt else { return }
        for (id, lease) in leases where lease.expires <= now { end(id) }
    }

    private mutating func end(_ lease: Int64) {
        leases[lease] = nil
        let under = entries.values.filter { $0.lease == lease }
        guard !under.isEmpty else { return }
        revision += 1
        for entry in under { entries[entry.name] = nil }
    }

    // MARK: Requests

    mutating func reply(to request: Request, now: Double) -> Reply {
        expire(now)
        switch request {
        case .transaction(let transaction): return reply(to: transaction)
        case .grant(let seconds):
            lastLease += 1
            leases[lastLease] = Lease(seconds: seconds, expires: now + Double(seconds))
            return .granted(lastLease)
        case .renew(let id):
            guard let lease = leases[id] else { return .renewed(0) }
            leases[id]?.expires = now + Double(lease.seconds)
            return .renewed(Int64(lease.seconds))
        case .revoke(let id):
            end(id)
            return .done
        case .read: return .entries(entries.values.sorted { $0.name < $1.name })
        }
    }

    private mutating func reply(to transaction: KeyValueTransaction) -> Reply {
        guard transaction.conditions.allSatisfy(holds) else {
            let found = transaction.otherwise.map { entries[$0] }
            return .transaction(
                KeyValueAnswer(succeeded: false, revision: revision, found: found)
            )
        }
        let puts = transaction.operations.contains { if case .put = $0 { true } else { false } }
        if puts, isFull { return .refused("mvcc: database space exceeded") }
        for case .put(_, _, let lease) in transaction.operations
        where lease != 0 && leases[lease] == nil {
            return .refused("requested lease not found")
        }
        revision += 1
        for operation in transaction.operations { apply(operation) }
        return .transaction(KeyValueAnswer(succeeded: true, revision: revision))
    }

    private func holds(_ condition: KeyValueTransaction.Condition) -> Bool {
        switch condition {
        case .absent(let name): entries[name] == nil
        case .holds(let name, let value): entries[name]?.value == value
        case .created(let name, let revision): entries[name]?.createRevision == revision
        }
    }

    private mutating func apply(_ operation: KeyValueTransaction.Operation) {
        switch operation {
        case .put(let name, let value, let lease):
            let created = entries[name]?.createRevision ?? revision
            entries[name] = KeyValue(
                name: name,
                value: value,
                createRevision: created,
                lease: lease
            )
        case .delete(let name): entries[name] = nil
        case .deleteRange(let first, let end):
            for name in entries.keys where name >= first && name < end { entries[name] = nil }
        }
    }

    /// Someone has a run that was stopped go on.
    mutating func reopen() {
        entries[FencedLead.outcomeName] = nil
        revision += 1
    }
}
