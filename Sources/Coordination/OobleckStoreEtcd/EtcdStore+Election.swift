import Foundation
import OobleckClock
import OobleckCore
import OobleckWire
import SwiftProtobuf

/// How a process comes to lead a run.
extension EtcdStore {
    /// What a bid for the lead came to.
    private enum Bid {
        case won(token: Int64, lease: Int64)
        case anotherLeads
        case runIsOver
    }

    /// Time between two bids.
    private static let pause = Duration.milliseconds(100)

    /// Lease of a run with this detection budget: longer than workers go on listening to a
    /// coordinator that has fallen silent.
    package static func timeToLive(budget: Seconds) -> Int {
        max(2, Int((1.5 * budget.value).rounded(.up)))
    }

    /// Waits until this process leads the run, and then holds its lease.
    ///
    /// `isOver` is asked while waiting; the result is `nil` once it says so or the run has ended.
    /// Throws `.storage` when etcd does not answer from the beginning; later it is waited for.
    package static func lead(
        _ location: EtcdLocation,
        as leader: EtcdLeader,
        budget: Seconds,
        isOver: @escaping @Sendable () -> Bool = { false }
    ) async throws -> EtcdStore? {
        let client = try EtcdClient(location)
        do {
            let store = try await lead(client, leader, timeToLive(budget: budget), isOver)
            if store == nil { client.close() }
            return store
        } catch {
            client.close()
            throw error
        }
    }

    private static func lead(
        _ client: EtcdClient,
        _ leader: EtcdLeader,
        _ seconds: Int,
        _ isOver: @Sendable () -> Bool
    ) async throws -> EtcdStore? {
        let value = try EtcdCoding.data(of: leader)
        var hasAnswered = false
        while !isOver() {
            let asked = MonotonicTime.now
            do {
                switch try await bid(client, value, seconds) {
                case .won(let token, let lease):
                    let store = EtcdStore(
                        client,
                        timeToLive: seconds,
                        lease: lease,
                        token: token,
                        validUntil: asked + Seconds(Double(seconds))
                    )
                    store.startRenewal()
                    try await store.reload()
                    return store
                case .runIsOver: return nil
                case .anotherLeads: hasAnswered = true
                }
            } catch let error as OobleckError where error.code == .storage && hasAnswered {
                // Who stands by outlives the store's own troubles.
            }
            try await Task.sleep(for: pause)
        }
        return nil
    }

    /// Takes the lead if nobody has it and the run is not over, both seen at one moment: the last
    /// leader says that it is over before it gives the lead back.
    private static func bid(
        _ client: EtcdClient,
        _ value: Data,
        _ seconds: Int
    ) async throws -> Bid {
        let lease = try await client.grantLease(seconds: seconds).id
        let leader = client.location.key("leader")
        let outcome = client.location.key(EtcdOutcome.key)
        let answer = try await client.transaction(
            EtcdTxnRequest.with {
                $0.compare = [EtcdRequests.absent(leader), EtcdRequests.absent(outcome)]
                $0.success = [EtcdRequests.put(leader, value, lease: lease)]
                $0.failure = [EtcdRequests.get(leader), EtcdRequests.get(outcome)]
            }
        )
        guard !answer.succeeded else { return .won(token: answer.header.revision, lease: lease) }
        let known = answer.responses.map(\.responseRange.kvs.first)
        if let ours = known.first ?? nil, ours.value == value {
            // The first of two tries of this bid may have gone through. What an earlier bid won
            // unnoticed is given back: nobody knows how much of its lease is left.
            if ours.lease == lease { return .won(token: ours.createRevision, lease: lease) }
            try await client.revokeLease(ours.lease)
        }
        try await client.revokeLease(lease)
        let isOver = known.count > 1 && known[1] != nil
        return isOver ? .runIsOver : .anotherLeads
    }
}
