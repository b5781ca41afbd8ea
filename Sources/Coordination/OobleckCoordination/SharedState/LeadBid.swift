import Foundation

/// A bid for the lead of a run in a shared store.
///
/// The leader's entry is made, under a lease of the bidder, if there is none and the run is not over.
/// Both are seen at one moment: the last leader says that the run is over before it gives the lead back.
package struct LeadBid: Hashable, Sendable {
    /// What the leader's entry says of the bidder.
    let value: Data
    package let lease: Int64
    private let bugs: KnownBugs

    package init(value: Data, lease: Int64, bugs: KnownBugs = []) {
        self.value = value
        self.lease = lease
        self.bugs = bugs
    }

    package var transaction: KeyValueTransaction {
        KeyValueTransaction(
            conditions: [.absent(FencedLead.leaderName)]
                + (bugs.contains(.endIgnored) ? [] : [.absent(FencedLead.outcomeName)]),
            operations: [.put(FencedLead.leaderName, value, lease: lease)],
            otherwise: [FencedLead.leaderName, FencedLead.outcomeName]
        )
    }

    /// What a bid came to, and the leases that are to be given back.
    package enum Outcome: Hashable, Sendable {
        /// The bidder leads; its entry was made at this revision.
        case won(token: Int64)
        case anotherLeads(revoke: [Int64])
        case runIsOver(revoke: [Int64])
    }

    package func outcome(_ answer: KeyValueAnswer) -> Outcome {
        guard !answer.succeeded else { return .won(token: answer.revision) }
        var leases = [lease]
        if let ours = answer.found.first ?? nil, ours.value == value {
            // The first of two tries of this bid may have gone through. What an earlier bid won
            // unnoticed is given back: it is not known how much of its lease is left.
            if ours.lease == lease { return .won(token: ours.createRevision) }
            leases.insert(ours.lease, at: 0)
        }
        let isOver = answer.found.count > 1 && answer.found[1] != nil
        return isOver ? .runIsOver(revoke: leases) : .anotherLeads(revoke: leases)
    }
}
