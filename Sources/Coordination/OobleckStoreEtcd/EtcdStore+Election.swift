import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore

/// How a process comes to lead a run.
extension EtcdStore {
    /// Time between two bids.
    private static let pause = Duration.milliseconds(100)

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
            let store = try await lead(
                client,
                leader,
                FencedLead.timeToLive(budget: budget),
                isOver
            )
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
        let value = try SharedCoding.data(of: leader)
        var hasAnswered = false
        while !isOver() {
            let asked = MonotonicTime.now
            do {
                let (outcome, lease) = try await bid(client, value, seconds)
                switch outcome {
                case .won(let token):
                    let lead = FencedLead(
                        lease: lease,
                        token: token,
                        identity: UUID().uuidString,
                        validUntil: asked + Seconds(Double(seconds))
                    )
                    let store = EtcdStore(client, lead, timeToLive: seconds)
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

    /// Takes the lead if there is no leader and the run is not over.
    private static func bid(
        _ client: EtcdClient,
        _ value: Data,
        _ seconds: Int
    ) async throws -> (LeadBid.Outcome, lease: Int64) {
        let lease = try await client.grantLease(seconds: seconds)
        let bid = LeadBid(value: value, lease: lease)
        let outcome = bid.outcome(try await client.transaction(bid.transaction))
        switch outcome {
        case .won: break
        case .anotherLeads(let leases), .runIsOver(let leases):
            for lease in leases { try await client.revokeLease(lease) }
        }
        return (outcome, lease)
    }
}
