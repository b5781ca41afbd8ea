import Foundation
import OobleckCoordination
import OobleckCore
import Testing

@Suite("The lead of a run in a shared store", .timeLimit(.minutes(5))) struct FencedLeadTests {
    /// A lead until 10 s.
    private final class Holder {
        private var lead = FencedLead(lease: 5, token: 7, identity: "us", validUntil: 10)

        func mayAct(now: Seconds) -> Bool { lead.mayAct(now: now) }
        func follow(_ sequence: Data) { lead.follow(sequence) }

        func renewed(_ seconds: Int64, asked: Seconds, now: Seconds) -> Bool {
            lead.renewed(seconds, asked: asked, now: now)
        }

        func answered(_ write: FencedLead.Write, _ answer: KeyValueAnswer) -> FencedLead.Verdict {
            lead.answered(write, answer, now: 0)
        }

        /// The next write of one entry.
        func write(now: Seconds = 0) -> FencedLead.Write? {
            lead.write([.put("x", Data())], now: now)
        }
    }

    private func refused(leader: Int64, sequence: Data?) -> KeyValueAnswer {
        KeyValueAnswer(
            succeeded: false,
            revision: 20,
            found: [
                KeyValue(name: "leader", value: Data(), createRevision: leader),
                sequence.map { KeyValue(name: "sequence", value: $0) },
            ]
        )
    }

    /// What a write leaves, as the store would show it.
    private func mark(of write: FencedLead.Write) -> Data? {
        for case .put("sequence", let value, _) in write.transaction.operations { return value }
        return nil
    }

    @Test("a lease that ran out by our clock is over for good, whatever a late renewal says")
    func sticky() {
        let lead = Holder()
        #expect(lead.mayAct(now: 9.9))
        #expect(lead.renewed(10, asked: 5, now: 9.9))
        #expect(lead.mayAct(now: 14.9))
        #expect(!lead.mayAct(now: 15))
        #expect(!lead.renewed(10, asked: 14, now: 15.5))
        #expect(!lead.mayAct(now: 15.5))
        #expect(lead.write(now: 15.6) == nil)
    }

    @Test("a renewal counts from when it was asked for, and one that is refused ends the lead")
    func renewals() {
        let lead = Holder()
        #expect(lead.renewed(10, asked: 4, now: 9))
        #expect(!lead.mayAct(now: 14))
        let other = Holder()
        #expect(!other.renewed(0, asked: 4, now: 5))
        #expect(!other.mayAct(now: 5))
    }

    @Test("each write names the one before it, and the leader's entry")
    func numbers() throws {
        let lead = Holder()
        lead.follow(Data("before".utf8))
        let first = try #require(lead.write())
        #expect(
            first.transaction.conditions == [
                .created("leader", at: 7), .holds("sequence", Data("before".utf8)),
            ]
        )
        let answer = KeyValueAnswer(succeeded: true, revision: 11)
        #expect(lead.answered(first, answer) == .done)
        let second = try #require(lead.write())
        let left = try #require(mark(of: first))
        #expect(second.transaction.conditions.contains(.holds("sequence", left)))
    }

    @Test(
        "a write that went through unnoticed is done; after another of ours, it is sent once more"
    )
    func unnoticed() throws {
        let lead = Holder()
        let write = try #require(lead.write())
        let found = refused(leader: 7, sequence: mark(of: write))
        #expect(lead.answered(write, found) == .done)
        // The next one was given up; its successor finds that it came after all.
        let lost = try #require(lead.write())
        let next = try #require(lead.write())
        let late = refused(leader: 7, sequence: mark(of: lost))
        guard case .repeated(let again) = lead.answered(next, late) else {
            Issue.record("it is not sent again")
            return
        }
        let lostMark = try #require(mark(of: lost))
        #expect(again.transaction.conditions.contains(.holds("sequence", lostMark)))
        #expect(lead.answered(again, .init(succeeded: true, revision: 12)) == .done)
    }

    @Test("another's entry ends the lead; another's writes are told from ours")
    func others() throws {
        let lead = Holder()
        let write = try #require(lead.write())
        #expect(lead.answered(write, refused(leader: 8, sequence: nil)) == .deposed)
        #expect(!lead.mayAct(now: 0))
        let second = Holder()
        let one = try #require(second.write())
        let foreign = refused(leader: 7, sequence: Data("7/them/1".utf8))
        guard case .repeated(let again) = second.answered(one, foreign) else {
            Issue.record("it is not tried again")
            return
        }
        #expect(second.answered(again, foreign) == .foreign)
    }

    @Test("a bid that won unnoticed is told from another's, and from an earlier one of ours")
    func bids() {
        let bid = LeadBid(value: Data("us".utf8), lease: 3)
        #expect(bid.outcome(.init(succeeded: true, revision: 9)) == .won(token: 9))
        func found(_ value: String, lease: Int64, outcome: Bool = false) -> KeyValueAnswer {
            let leader = KeyValue(
                name: "leader",
                value: Data(value.utf8),
                createRevision: 8,
                lease: lease
            )
            let end = KeyValue(name: "outcome", value: Data())
            return .init(succeeded: false, revision: 9, found: [leader, outcome ? end : nil])
        }
        #expect(bid.outcome(found("us", lease: 3)) == .won(token: 8))
        #expect(bid.outcome(found("us", lease: 2)) == .anotherLeads(revoke: [2, 3]))
        #expect(bid.outcome(found("them", lease: 2)) == .anotherLeads(revoke: [3]))
        #expect(bid.outcome(found("them", lease: 2, outcome: true)) == .runIsOver(revoke: [3]))
    }

    @Test("every member is asked twice at least, for as long as an election takes, and not longer")
    func rotation() {
        var quick = MemberRotation(members: 3, first: 1, now: 0)
        var asked: [Int?] = []
        for _ in 0..<6 { asked.append(quick.next(now: 100)) }
        #expect(asked == [1, 2, 0, 1, 2, 0])
        #expect(quick.isRoundOver)
        #expect(quick.next(now: 100) == nil)
        var slow = MemberRotation(members: 1, first: 0, now: 0)
        for second in 0..<5 {
            let member = slow.next(now: Seconds(Double(second)))
            #expect(member == 0)
        }
        let last = slow.next(now: 5)
        #expect(last == nil)
        #expect(slow.isFinal(.refusal("no space")) && !slow.isFinal(.silence("late")))
    }
}
