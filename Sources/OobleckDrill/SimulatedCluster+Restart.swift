import OobleckCoordination
import OobleckCore
import OobleckReconfiguration

/// The coordinator's death and what follows: another starts from what was kept, and the workers
/// that live come back to it.
extension SimulatedCluster {
    /// The coordinator dies here, and another takes over at once.
    mutating func restart() {
        session += 1
        connected = []
        reconcile()
        store.apply(.tookOver(term: store.term + 1))
        do {
            coordinator = try Coordinator(
                restoring: store,
                job: job,
                profile: ToyModel.profile,
                reconfigurator: try Reconfigurator(
                    profile: ToyModel.profile,
                    costModel: .sosp23,
                    faultTolerance: job.cluster.faultTolerance,
                    microbatches: job.training.microbatchCount
                )
            )
        } catch {
            problems.append("cannot restart: \(error)")
        }
        for node in workers.keys.sorted() where workers[node]?.isRunning == true {
            let time = now + random.seconds(0.01...0.4)
            guard store.nodes[node] == nil else {
                agenda.add(.comesBack(node), at: time)
                continue
            }
            // It was never told its number, so it joins anew.
            workers[node] = nil
            memories[node] = nil
            heardReady.remove(node)
            agenda.add(.join, at: time)
        }
    }

    /// What the store has and the records lack is added to them: the store is written first.
    private mutating func reconcile() {
        if let restored = store.restored, self.restored.last != restored {
            ledger.removeLast(max(0, ledger.count - restored.step))
            self.restored.append(restored)
        }
        if let step = store.committed, step.step == ledger.count {
            ledger.append(step)
            history.append(step)
        }
        recoveries = store.recoveries
    }

    mutating func comeBack(_ node: NodeID) {
        guard workers[node]?.isRunning == true, !connected.contains(node),
            let known = store.nodes[node]
        else { return }
        guard coordinator.awaits(agentPID: known.agentPID, of: node) else {
            // Refused: it ends by itself.
            workers[node]?.isRunning = false
            return
        }
        connected.insert(node)
        let pid = known.agentPID
        let testimony = memories[node]?.testimony ?? WorkerTestimony()
        transmit(.toCoordinator(.agentReturned(node, agentPID: pid)), from: node, to: Self.shell)
        transmit(
            .toCoordinator(.workerReturned(node, workerPID: pid, testimony)),
            from: node,
            to: Self.shell
        )
        // Each gives a sign of life as soon as it is answered.
        transmit(.toCoordinator(.agentHeard(node)), from: node, to: Self.shell)
        transmit(.toCoordinator(.workerHeard(node)), from: node, to: Self.shell)
    }
}
