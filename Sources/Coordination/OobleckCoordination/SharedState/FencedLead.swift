import Foundation
import OobleckCore

/// The lead of a run in a shared store, as its holder knows it: a lease, and the right to write.
///
/// The revision at which the leader's entry was made is the fencing token: every write names it, and the
/// store refuses the write when the entry is another's by then. Writes have numbers: each names the one
/// before it, so that a write that is repeated counts once, and one that was given up and comes late is
/// refused. The lease's end is also watched by the holder's own clock, counted from before each renewal
/// was asked for, so that a process that was stopped knows that its time is over before it does
/// anything.
///
/// A value: ``EtcdStore`` is its shell in production, and the simulated worlds are another.
package struct FencedLead: Sendable {
    /// The entry that names the leader.
    package static let leaderName = "leader"
    /// The entry that numbers the writes.
    package static let sequenceName = "sequence"
    /// The entry that says how the run ended.
    package static let outcomeName = "outcome"

    package let lease: Int64
    package let token: Int64
    /// Tells the writes of this process from those of any other.
    private let identity: String
    /// Until when the lease surely lasts.
    private var validUntil: Seconds
    /// True for good once the lease has run out.
    package private(set) var isDeposed = false
    /// What the newest write left under ``sequenceName``; `nil` before the first.
    private var sequence: Data?
    private var writes = 0
    private let bugs: KnownBugs

    /// The leader whose entry is of revision `token`, under a lease that lasts until `validUntil`.
    package init(
        lease: Int64,
        token: Int64,
        identity: String,
        validUntil: Seconds,
        bugs: KnownBugs = []
    ) {
        self.lease = lease
        self.token = token
        self.identity = identity
        self.validUntil = validUntil
        self.bugs = bugs
    }

    /// A lease in whole seconds for a run with this detection budget: longer than workers go on
    /// listening to a coordinator that has fallen silent.
    package static func timeToLive(budget: Seconds) -> Int {
        max(2, Int((1.5 * budget.value).rounded(.up)))
    }

    /// Whether the holder may still act for the run.
    ///
    /// Final once it is false: a lease that ran out by our clock may be another's by now.
    package mutating func mayAct(now: Seconds) -> Bool {
        if bugs.contains(.renewalRevives) { return now < validUntil }
        if now >= validUntil { isDeposed = true }
        return !isDeposed
    }

    /// The holder leads no more.
    package mutating func depose() { isDeposed = true }

    /// Takes over the numbering of writes from the last leader, whose newest write left `sequence`.
    package mutating func follow(_ sequence: Data?) { self.sequence = sequence }

    // MARK: The lease

    /// The store said, to a renewal that was asked for at `asked`, how many seconds the lease lasts; 0 is
    /// that it is over.
    ///
    /// False when the lease is lost for good.
    package mutating func renewed(_ seconds: Int64, asked: Seconds, now: Seconds) -> Bool {
        if bugs.contains(.renewalRevives), seconds > 0 {
            validUntil = asked + Seconds(Double(seconds))
            return true
        }
        // It may have run out before the answer came.
        guard seconds > 0, mayAct(now: now) else {
            isDeposed = true
            return false
        }
        validUntil = asked + Seconds(Double(seconds))
        return true
    }

    // MARK: Writes

    /// A write on its way: it may be sent again, to any member, and counts once.
    package struct Write: Hashable, Sendable {
        let operations: [KeyValueTransaction.Operation]
        /// What it leaves under ``sequenceName``.
        let mark: Data
        /// Whether it is sent again because an earlier write of this process went through unnoticed.
        let isRepeated: Bool
        package let transaction: KeyValueTransaction
    }

    /// What an answer says of a write.
    package enum Verdict: Hashable, Sendable {
        case done
        /// An earlier write of ours went through unnoticed: this one follows it.
        case repeated(Write)
        /// Another leads.
        case deposed
        /// Another process writes while this one leads.
        case foreign
    }

    /// The next write; `nil` when the holder may not act any more.
    package mutating func write(
        _ operations: [KeyValueTransaction.Operation],
        now: Seconds
    ) -> Write? {
        next(operations, isRepeated: false, now: now)
    }

    private mutating func next(
        _ operations: [KeyValueTransaction.Operation],
        isRepeated: Bool,
        now: Seconds
    ) -> Write? {
        guard mayAct(now: now) else {
            isDeposed = true
            return nil
        }
        writes += 1
        let mark = Data("\(token)/\(identity)/\(writes)".utf8)
        let follows = KeyValueTransaction.Condition.holds(Self.sequenceName, orAbsent: sequence)
        let transaction = KeyValueTransaction(
            conditions: [.created(Self.leaderName, at: token)]
                + (bugs.contains(.writesUnnumbered) ? [] : [follows]),
            operations: operations + [.put(Self.sequenceName, mark)],
            otherwise: [Self.leaderName, Self.sequenceName]
        )
        return Write(
            operations: operations,
            mark: mark,
            isRepeated: isRepeated,
            transaction: transaction
        )
    }

    /// The store has answered to this write.
    package mutating func answered(
        _ write: Write,
        _ answer: KeyValueAnswer,
        now: Seconds
    ) -> Verdict {
        guard !answer.succeeded else {
            sequence = write.mark
            return .done
        }
        guard answer.found.count == 2, answer.found[0]?.createRevision == token else {
            isDeposed = true
            return .deposed
        }
        let newest = answer.found[1]?.value
        let isOurs = newest?.starts(with: Data("\(token)/\(identity)/".utf8)) == true
        if isOurs { sequence = newest }
        if newest == write.mark { return .done }
        // Of an attempt that failed it is not known whether it went through (etcd applies the one that
        // takes its last space); the next one then follows that.
        guard !write.isRepeated else { return .foreign }
        guard let next = next(write.operations, isRepeated: true, now: now) else { return .deposed }
        return .repeated(next)
    }
}

extension OobleckError {
    /// Why a leader ends whose run somebody else writes to.
    package static func foreignWriter(_ location: String) -> OobleckError {
        OobleckError(
            .internalFault,
            "another process has written to \(location) while this one leads; give each run a /RUN "
                + "of its own"
        )
    }
}
