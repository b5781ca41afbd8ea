import OobleckClock
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckStoreEtcd

/// The lead of a run in etcd, after this process lost it.
///
/// Most often etcd stood still for longer than the lease, and no other process is there: then this one
/// resumes the run.
struct LostLead {
    /// How this process resumes the run.
    let request: ResumeRequest
    private let location: EtcdLocation
    private let budget: Seconds
    /// How long etcd may be gone: as long as the nodes wait.
    private let patience: Seconds

    /// The lead of the run that this was the start of; `nil` where it is not in etcd.
    init?(_ start: RunStart) {
        guard let shared = start.shared else { return nil }
        request = ResumeRequest(path: start.directory.path, tls: start.tls)
        location = shared.location
        let cluster = start.job.cluster
        budget = cluster.detectionBudget
        patience = cluster.coordinatorWait ?? ClusterSpecification.defaultCoordinatorWait
    }

    /// Returns once no process leads the run.
    ///
    /// Throws ``OobleckError/deposed`` when another does, etcd does not come back, or a stop is asked
    /// for.
    func waitUntilVacant() async throws {
        let end = MonotonicTime.now + patience
        var taken: Seconds?
        while MonotonicTime.now < end, ProcessSignals.shared.stopSignal == nil {
            do {
                // Another may have led it to its end meanwhile.
                guard try await EtcdStore.outcome(location) == nil else { break }
                _ = try await EtcdLeader.current(location)
                // The key may be our own, until its lease has ended in etcd as well.
                let since = taken ?? MonotonicTime.now
                taken = since
                if MonotonicTime.now - since > 4 * budget { break }
            } catch let error as OobleckError where error.code == .outOfNodes {
                return
            } catch {
                // It does not answer yet.
                taken = nil
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw OobleckError.deposed
    }
}
