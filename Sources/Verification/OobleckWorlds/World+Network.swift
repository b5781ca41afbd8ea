import OobleckCoordination
import OobleckCore

// MARK: Streams to the coordinator

extension World {
    func openSession(_ process: SimulatedProcess) -> Int {
        sessions.append(WorldSession(process: process))
        process.session = sessions.count - 1
        return sessions.count - 1
    }

    private func delay() -> Double {
        let usual = random.chance(0.03) ? random.seconds(0.01...0.08) : random.seconds(0...0.004)
        return usual + (network.jitter > 0 ? random.seconds(0...network.jitter) : 0)
    }

    /// Sends over a stream: arrives after a delay, but not before what was sent earlier.
    func transmit(_ payload: Payload, over session: Int, isUp: Bool) {
        guard !sessions[session].isBroken else { return }
        change(session, isUp) { $0.messages.append(payload) }
        schedule(session, isUp: isUp)
    }

    private func schedule(_ session: Int, isUp: Bool) {
        let soonest = now + delay()
        let time = change(session, isUp) { direction in
            direction.lastArrival = max(soonest, direction.lastArrival)
            return direction.lastArrival
        }
        agenda.add(.arrive(session: session, isUp: isUp), at: time)
    }

    @discardableResult
    private func change<Result>(
        _ session: Int,
        _ isUp: Bool,
        _ body: (inout WorldSession.Direction) -> Result
    ) -> Result {
        isUp ? body(&sessions[session].up) : body(&sessions[session].down)
    }

    /// The next message of a stream is due.
    func arrive(_ session: Int, isUp: Bool) {
        let process = sessions[session].process
        guard !network.isBlocked(process.node, isUp: isUp) else {
            return change(session, isUp) { $0.held += 1 }
        }
        let next = change(session, isUp) { direction in
            direction.messages.isEmpty ? nil : direction.messages.removeFirst()
        }
        guard let payload = next else { return }
        if isUp {
            guard sessions[session].isOpenHere, !shell.isDown else { return }
            receive(payload, on: session)
        } else {
            guard process.isRunning, sessions[session].isOpenThere else { return }
            if process.isFrozen {
                process.backlog.append(.read(session: session, payload))
            } else {
                receive(payload, in: process, session)
            }
        }
    }

    func read(_ payload: Payload, _ session: Int) {
        let process = sessions[session].process
        guard process.isRunning, sessions[session].isOpenThere else { return }
        receive(payload, in: process, session)
    }

    /// What was held gets through, in order.
    func flush(_ node: NodeID, isUp: Bool) {
        for session in sessions.indices where sessions[session].process.node == node {
            let held = change(session, isUp) { direction in
                defer { direction.held = 0 }
                return direction.held
            }
            for _ in 0..<held { schedule(session, isUp: isUp) }
        }
    }

    /// The coordinator closes its end, after what it has sent.
    func closeHere(_ session: Int) {
        guard sessions[session].isOpenHere else { return }
        sessions[session].isOpenHere = false
        let process = sessions[session].process
        if process.role == .worker, !process.isImpostor { judge.closed(process.worker) }
        transmit(.end, over: session, isUp: false)
    }

    /// The process closes its end, or dies and its system does.
    func closeThere(_ session: Int) {
        guard sessions[session].isOpenThere else { return }
        sessions[session].isOpenThere = false
        transmit(.end, over: session, isUp: true)
    }

    /// A stream breaks: what is under way is lost, and each end notices by itself.
    func breakStream(_ session: Int) {
        sessions[session].up.messages = [.end]
        sessions[session].down.messages = [.end]
        sessions[session].isBroken = true
        agenda.add(.arrive(session: session, isUp: true), at: now + random.seconds(0...0.5))
        agenda.add(.arrive(session: session, isUp: false), at: now + random.seconds(0...0.5))
        let process = sessions[session].process
        log("the stream of \(process.role.rawValue) \(process.worker) breaks")
    }
}

// MARK: Messages between workers

extension World {
    func transmitData(_ message: DataMessage, from: WorkerID, to: WorkerID) {
        let time = now + delay()
        agenda.add(.data(from: from, to: to, message), at: time)
    }

    func arriveData(_ message: DataMessage, from: WorkerID, to: WorkerID) {
        guard !network.areParted(from.node, to.node) else {
            let held = WorldNetwork.HeldMessage(message: message, from: from, to: to)
            network.heldData[.init(from: from.node, to: to.node), default: []].append(held)
            return
        }
        guard let worker = nodes[to.node]?.workers[to.device], worker.process.isRunning else {
            return
        }
        if worker.process.isFrozen {
            return worker.process.backlog.append(.data(from: from, to: to, message))
        }
        switch message {
        case .request(let generation, let layer):
            act(on: worker) { logic, _ in logic.request(from: from, generation, layer: layer) }
        case .delivery(let generation, let layer, let state):
            act(on: worker) { logic, _ in logic.take(layer, state, of: generation) }
        }
    }

    /// Whether a worker cannot work together with another of its plan now.
    func isBroken(_ worker: WorkerID, _ peer: WorkerID) -> Bool {
        guard worker != peer else { return false }
        guard let other = nodes[peer.node], other.isPowered else { return true }
        let process = other.workers[peer.device].process
        return !process.isRunning || process.isFrozen
            || network.areParted(worker.node, peer.node)
            || network.areParted(peer.node, worker.node)
    }
}
