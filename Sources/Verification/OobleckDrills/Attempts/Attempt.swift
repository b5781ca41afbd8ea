import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles

/// One disturbed run of a row.
struct Attempt {
    /// How it ended, before it is judged.
    struct Ending {
        let run: ObservedRun
        var status: Int32?
        /// What did not go as the fault demands.
        var problems: [String] = []
        /// What could not be tried of it here.
        var notes: [String] = []
        /// How many nodes the fault must, and may, cost.
        var leastLosses = 0
        var mostLosses = 0
        /// When each node was hit, by the monotonic clock.
        var hits: [NodeID: Seconds] = [:]
        /// When the coordinator was hit.
        var coordinatorHit: Seconds?
        /// Why it could not be tried here.
        var skipped: String?
    }

    let drill: MatrixDrill
    let fault: DrillFault
    let variant: Variant
    let name: String
    var random: DrillRandom
    /// A checkpoint of another run, where one is needed.
    var otherCheckpoint: String?

    var laboratory: DrillLaboratory { drill.laboratory }

    init(drill: MatrixDrill, fault: DrillFault, variant: Variant, name: String, random: DrillRandom)
    {
        self.drill = drill
        self.fault = fault
        self.variant = variant
        self.name = name
        self.random = random
    }

    func execute() async throws -> Ending {
        var attempt = self
        if fault.isShared { return try await attempt.disturbStore() }
        return fault.needsNamespaces
            ? try await attempt.disturbNetwork() : try await attempt.disturbProcesses()
    }

    /// A step in the first half of the run, so that much is left to do after it.
    mutating func moment() -> Int {
        Int.random(in: 3...DrillLaboratory.steps / 2, using: &random)
    }

    // MARK: Processes of this machine

    private mutating func disturbProcesses() async throws -> Ending {
        var arguments = laboratory.trainArguments(name, fault.reference)
        arguments += ["--nodes", "\(fault.nodes)"]
        let (staged, losses) = try await stage()
        arguments += (fault.staged + staged).flatMap { ["--fault", $0] }
        if let period = fault.checkpointPeriod {
            arguments += ["--checkpoint-every", "\(period)", "--checkpoint-keep", "9"]
        }
        if fault.isSupervised { arguments.append("--supervise") }
        let certificates =
            try await fault == .mutualTLS ? DrillCertificates(laboratory.path(name + "-ca")) : nil
        arguments += certificates?.arguments ?? []
        let store =
            try fault == .checkpointDiskFull ? SmallDisk(laboratory.path(name + "-disk")) : nil
        defer { store?.remove() }
        if let store { arguments += ["--checkpoint-directory", store.path] }
        let home = try fault == .runDiskFull ? SmallDisk(laboratory.path(name), 32 << 20) : nil
        defer { home?.remove() }
        if case .harm(.anotherRun) = variant, let period = fault.checkpointPeriod {
            otherCheckpoint = try await trainAnother(period)
        }
        let run = try ObservedRun(
            path: laboratory.path(name),
            executable: laboratory.executable,
            arguments: arguments,
            environment: try await faultyDisk()?.environment ?? [:]
        )
        var ending = Ending(run: run)
        do {
            if losses > 0 {
                (ending.leastLosses, ending.mostLosses) = (losses, losses)
            } else {
                try await disturb(run, certificates, &ending)
                if let home { try await fill(home) }
            }
            ending.status = try await run.end()
            try checkEvents(run, &ending)
            try removeOther(from: run)
            try home?.keepContents()
        } catch {
            // Also when somebody interrupts the drill.
            try await Task { try await run.clear() }.value
            throw error
        }
        return ending
    }

    /// What is staged in this run, and how many nodes that costs.
    private func stage() async throws -> ([String], Int) {
        switch variant {
        case .plain, .harm, .disk, .pair: return ([], 0)
        case .staged(let words, let losses): return (words, losses)
        case .mover(let first):
            // The plan does not depend on chance: another run shows who moves layers.
            let scout = name + "-scout"
            let run = try await laboratory.train(
                scout,
                fault.reference,
                ["--nodes", "\(fault.nodes)", "--fault", first]
            )
            guard let mover = try run.plan().transfers.first?.toNode else {
                throw OobleckError(.internalFault, "\(scout): no layer moves")
            }
            return ([first, "node=\(mover),point=mid-transfer,step=1,target=node"], 2)
        }
    }

    private mutating func disturb(
        _ run: ObservedRun,
        _ certificates: DrillCertificates?,
        _ ending: inout Ending
    ) async throws {
        guard fault.staged.isEmpty else { return }
        if case .staged = variant { return }
        let step = moment()
        guard let status = try await run.wait(until: { $0.phase == .training && $0.step >= step })
        else { return ending.problems.append("it never got to step \(step)") }
        let nodes = status.nodes.filter { $0.state == .healthy && $0.pipeline != nil }
            .shuffled(using: &random)
        guard nodes.count >= 2 else {
            return ending.problems.append("only \(nodes.count) nodes train at step \(status.step)")
        }
        switch fault {
        case .killWorker: strike(SIGKILL, [nodes[0]], .worker, &ending)
        case .killAgent: strike(SIGKILL, [nodes[0]], .agent, &ending)
        case .killNode: strike(SIGKILL, [nodes[0]], .node, &ending)
        case .killTwoAtOnce: strike(SIGKILL, Array(nodes.prefix(2)), .node, &ending)
        case .killEveryPair:
            guard case .pair(let one, let other) = variant else { return }
            let pair = nodes.filter { $0.id == one || $0.id == other }
            if pair.count < 2 { ending.problems.append("\(one) or \(other) does not train") }
            strike(SIGKILL, pair, .node, &ending)
        case .killPipeline:
            let pipeline = nodes.filter { $0.pipeline == nodes[0].pipeline }
            strike(SIGKILL, pipeline, .node, &ending)
        case .loseMoreThanF: killHolders(nodes, &ending)
        case .checkpointDamaged: try await spoilCheckpoint(run, &ending)
        case .killDuringRecovery:
            strike(SIGKILL, [nodes[0]], .node, &ending)
            if try await run.waitForLoss(of: nodes[0].id) {
                strike(SIGKILL, [nodes[1]], .node, &ending)
            }
        case .stopWorker: try await freeze(nodes[0], .worker, run, &ending)
        case .stopAgent: try await freeze(nodes[0], .agent, run, &ending)
        case .drainNode: try await order(["drain", run.path, "\(nodes[0].id)"], &ending)
        case .joinStorm:
            for _ in 0..<3 { try await order(["add", run.path], &ending) }
        case .killCoordinator: try killCoordinator(run, &ending)
        case .quarantine: try await flap(run, &ending)
        case .strangers: try await sendStrangers(run, &ending)
        case .mutualTLS:
            guard let certificates else { return }
            let strangers = try await startStrangers(run, certificates)
            strike(SIGKILL, [nodes[0]], .worker, &ending)
            try await expectRefusals(of: strangers, run, &ending)
        default: break
        }
    }

    /// The run's own disk is full for longer than silence is borne.
    private func fill(_ disk: SmallDisk) async throws {
        disk.fill()
        let end = MonotonicTime.now + 3 * Deadlines.standard.budget
        while MonotonicTime.now < end { try await Task.sleep(for: .milliseconds(50)) }
        disk.empty()
    }

    /// More than f nodes die: all that hold the first layer.
    func killHolders(_ nodes: [NodeStatus], _ ending: inout Ending) {
        strike(SIGKILL, nodes.filter { $0.stages.contains(0) }, .node, &ending)
    }

    /// Sends a signal to all at once; each node hit must be lost.
    private func strike(
        _ signal: Int32,
        _ nodes: [NodeStatus],
        _ target: PlannedFault.Target,
        _ ending: inout Ending
    ) {
        for node in nodes {
            ending.hits[node.id] = MonotonicTime.now
            for pid in node.pids(target) where kill(pid_t(pid), signal) != 0 {
                ending.problems.append("process \(pid) was gone before it was hit")
            }
        }
        ending.leastLosses += nodes.count
        ending.mostLosses += nodes.count
    }

    /// A process stands still until its node was replaced, then goes on as a zombie: it must be
    /// refused and end.
    private func freeze(
        _ node: NodeStatus,
        _ target: PlannedFault.Target,
        _ run: ObservedRun,
        _ ending: inout Ending
    ) async throws {
        strike(SIGSTOP, [node], target, &ending)
        let isReplaced = try await run.waitForLoss(of: node.id)
        for pid in node.pids(target) { kill(pid_t(pid), SIGCONT) }
        if !isReplaced { ending.problems.append("frozen node \(node.id) was not found") }
    }

    /// Runs a command of ours against the run.
    private func order(_ arguments: [String], _ ending: inout Ending) async throws {
        let command = [laboratory.executable] + arguments
        let outcome = try await CommandOutcome.of(command, within: 10)
        guard outcome.status == 0 else {
            return ending.problems.append("oobleck \(arguments[0]) failed: \(outcome.lastLine)")
        }
    }
}
