import OobleckCoordination
import OobleckCore

/// The coordinator's death and what follows: another starts from what was kept, and agents and
/// workers come back to it.
extension World {
    /// SIGKILL: its streams end; what it had not written to them yet is lost.
    func crash() {
        guard let seconds = shell.crash?.seconds, shell.outcome == nil else { return }
        (shell.isDown, downSince) = (true, now)
        log("the coordinator is killed")
        shell.crash = nil
        dropSessions()
        endProcess()
        guard let result = shell.result else {
            another(after: seconds)
            // A standby may have heard of the end before this process died of it.
            return hearEnd()
        }
        // The next one finds that all is done. Nodes that were told nothing leave by themselves.
        shell.outcome = result
        progress = now
    }

    /// The process ends although the run is not over, because nothing can be kept; someone has the run
    /// go on.
    func leaveNodes(for seconds: Double) {
        (shell.isDown, downSince) = (true, now)
        log("the coordinator leaves its nodes alone")
        shell.crash = nil
        closeAllSessions()
        endProcess()
        giveBackLead()
        another(after: seconds)
        hearEnd()
    }

    /// Another coordinator is started after a while; where a standby waits for the lead, it is that one.
    private func another(after seconds: Double) {
        guard shared == nil else { return }
        undo(.restartCoordinator, after: seconds)
    }

    func closeAllSessions() {
        for session in sessions.indices where sessions[session].isOpenHere { closeHere(session) }
        (shell.streams, shell.backlog) = ([], [])
    }

    private func dropSessions() {
        for session in shell.streams.sorted() where sessions[session].isOpenHere {
            let unsent = sessions[session].down.messages.count
            if unsent > 0, random.chance(0.5) {
                sessions[session].down.messages.removeLast(random.index(below: unsent + 1))
            }
            closeHere(session)
        }
        // Streams that were not answered yet end as well.
        for session in sessions.indices where sessions[session].isOpenHere { closeHere(session) }
        (shell.streams, shell.backlog) = ([], [])
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
        closeAllSessions()
        (shell.outcome, shell.result, shell.crash) = (nil, nil, nil)
        (shell.isFrozen, shell.missedTick, shell.isDown) = (false, false, true)
        (shell.hasSaidFarewell, shell.isResumed) = (false, true)
        (hurt, doomed) = ([], [])
        troubleUntil = max(troubleUntil, now)
        if shared != nil {
            reopen()
        } else {
            for node in shell.store.nodes.filter({ !$0.value.isOut }).keys.sorted() {
                shell.files.persist(.left(node, hasFailed: false, as: .done), now: now)
            }
            restartCoordinator(newNodes: setup.nodes)
        }
        for _ in 0..<setup.nodes { addNode(after: random.seconds(0...0.1)) }
    }

    /// Another coordinator takes over; in a run that is resumed, with so many new nodes.
    func restartCoordinator(newNodes: Int? = nil) {
        guard shell.isDown else { return }
        // It does not start on a full disk; somebody tries again.
        guard !shell.isDiskFull || shared != nil else {
            return undo(.restartCoordinator, after: 0.5)
        }
        for entry in shell.files.reconcile(now: now) { judge(entry) }
        if shared == nil {
            shell.files.persist(.tookOver(term: shell.store.term + 1), now: now)
        }
        do {
            var coordinator = try Coordinator(
                restoring: shell.store,
                savedStep: disk.published.keys.filter { $0 <= judge.ledger.count }.max(),
                job: ToyModel.shared.job(setup),
                profile: ToyModel.profile,
                reconfigurator: try ToyModel.shared.reconfigurator(setup)
            )
            coordinator.putBack(setup.bugs)
            coordinator.hasStandby = setup.hasStandby
            if let newNodes = newNodes ?? (shell.isResumed ? 0 : nil) {
                coordinator.expectNewcomers(newNodes)
            }
            shell.instance = CoordinatorInstance(coordinator)
            shell.instance.recordsDecisions = true
        } catch {
            judge.complain("cannot restart: \(error)")
            isOver = true
        }
        (shell.isDown, shell.deposedFor) = (false, nil)
        // It may have stood still, or waited for its store, before it ended.
        let silence = now - min(downSince, shell.decided)
        if silence > Deadlines.standard.connect.value { wasAwayTooLong = true }
        judge.restarted(shell.store)
        log("another coordinator takes over: term \(shell.store.term)")
    }

    /// The coordinator's machine loses power: what it had not brought to its device is gone.
    func losePower(for seconds: Double) {
        guard shell.outcome == nil, !shell.isDown else { return }
        (shell.isDown, downSince) = (true, now)
        (shell.isFrozen, shell.missedTick, shell.crash) = (false, false, nil)
        log("the coordinator's machine is off")
        dropSessions()
        shell.files.losePower(&random)
        // What was written of the end may be gone as well.
        shell.result = nil
        judge.lostPower(shell.files.lines)
        undo(.restartCoordinator, after: seconds)
    }
}
