import OobleckCoordination
import OobleckCore

/// The coordinator's death and what follows: another starts from what was kept, and agents and
/// workers come back to it.
extension World {
    /// SIGKILL: its streams end; what it had not written to them yet is lost.
    func crash() {
        guard let seconds = shell.crash?.seconds, shell.outcome == nil else { return }
        shell.isDown = true
        log("the coordinator is killed")
        shell.crash = nil
        dropSessions()
        guard let result = shell.result else { return undo(.restartCoordinator, after: seconds) }
        // The next one finds that all is done. Nodes that were told nothing leave by themselves.
        shell.outcome = result
        progress = now
    }

    private func dropSessions() {
        for session in (Array(shell.workers.values) + Array(shell.agents.values)).sorted() {
            let unsent = sessions[session].down.messages.count
            if unsent > 0, random.chance(0.5) {
                sessions[session].down.messages.removeLast(random.index(below: unsent + 1))
            }
            closeHere(session)
        }
        // Streams that were not answered yet end as well.
        for session in sessions.indices where sessions[session].isOpenHere { closeHere(session) }
        shell.workers = [:]
        shell.agents = [:]
        shell.answers = []
        shell.work = DirectiveQueue()
        shell.held = []
        shell.callers = []
    }

    /// Whether the run ended because someone asked for it.
    var wasStopped: Bool {
        guard case .stopped(let error) = shell.outcome else { return false }
        // A coordinator that dies among its farewells leaves nodes that have gone, and knows nothing.
        return error.message.hasPrefix("stopped on request")
            || shell.hasSaidFarewell && error.code == .outOfNodes
    }

    /// Someone has a run that was stopped go on: with another coordinator and new nodes.
    func resumeStopped() {
        judge.stopped(shell.outcome, disk: disk)
        for session in sessions.indices where sessions[session].isOpenHere { closeHere(session) }
        (shell.agents, shell.workers, shell.answers, shell.backlog) = ([:], [:], [], [])
        (shell.outcome, shell.result, shell.crash) = (nil, nil, nil)
        (shell.work, shell.held) = (DirectiveQueue(), [])
        (shell.isFrozen, shell.missedTick, shell.isDown) = (false, false, true)
        (shell.hasSaidFarewell, shell.isResumed) = (false, true)
        for node in shell.store.nodes.filter({ !$0.value.isOut }).keys.sorted() {
            shell.store.apply(.left(node, hasFailed: false, as: .done))
        }
        (hurt, doomed) = ([], [])
        troubleUntil = max(troubleUntil, now)
        restartCoordinator(newNodes: setup.nodes)
        for _ in 0..<setup.nodes { addNode(after: random.seconds(0...0.1)) }
    }

    /// Another coordinator takes over; in a run that is resumed, with so many new nodes.
    func restartCoordinator(newNodes: Int? = nil) {
        guard shell.isDown else { return }
        // It does not start on a full disk; somebody tries again.
        guard !shell.isDiskFull else { return undo(.restartCoordinator, after: 0.5) }
        reconcile()
        shell.store.apply(.tookOver(term: shell.store.term + 1))
        do {
            var coordinator = try Coordinator(
                restoring: shell.store,
                savedStep: disk.published.keys.filter { $0 <= judge.ledger.count }.max(),
                job: ToyModel.shared.job(setup),
                profile: ToyModel.profile,
                reconfigurator: try ToyModel.shared.reconfigurator(setup.faultTolerance)
            )
            coordinator.putBack(setup.bugs)
            coordinator.hasStandby = setup.hasStandby
            if let newNodes = newNodes ?? (shell.isResumed ? 0 : nil) {
                coordinator.expectNewcomers(newNodes)
            }
            shell.coordinator = coordinator
        } catch {
            judge.complain("cannot restart: \(error)")
            isOver = true
        }
        shell.isDown = false
        shell.fenced = Set(shell.store.nodes.filter(\.value.isOut).keys)
        judge.restarted(shell.store)
        log("another coordinator takes over: term \(shell.store.term)")
    }

    /// What the store has and the ledger lacks is added to it: the store is written first.
    private func reconcile() {
        if let restored = shell.store.restored, restored != judge.newestRestore {
            judge.restored(restored)
        }
        guard let step = shell.store.committed, step.step == judge.ledger.count else { return }
        judge.recorded(step, nodes: nodes)
    }
}
