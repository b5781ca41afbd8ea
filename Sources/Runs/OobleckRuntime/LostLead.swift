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
        var request = ResumeRequest(path: start.directory.path)
        request.tls = start.tls
        self.request = request
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
        var watch = LeadWatch(budget: budget)
        while MonotonicTime.now < end, ProcessSignals.shared.stopSignal == nil {
            switch watch.verdict(await observation(), at: MonotonicTime.now) {
            case .leadAgain: return
            case .stayDeposed: throw OobleckError.deposed
            case .keepWatching: try await Task.sleep(for: .milliseconds(200))
            }
        }
        throw OobleckError.deposed
    }

    private func observation() async -> LeadWatch.Observation {
        do {
            guard try await EtcdStore.outcome(location) == nil else { return .runIsOver }
            _ = try await EtcdLeader.current(location)
            return .isLed
        } catch let error as OobleckError where error.code == .outOfNodes {
            return .isVacant
        } catch {
            return .noAnswer
        }
    }
}
