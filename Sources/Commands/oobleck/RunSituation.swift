import Foundation
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// How it stands with a run, whoever of it is alive: from its directory, and from the processes of this
/// machine.
enum RunSituation {
    /// Its coordinator runs.
    case going
    /// All its steps are trained.
    case finished
    /// It ended in order, and can go on.
    case stopped
    /// Its coordinator is gone, and these nodes may wait for another.
    case waiting([NodeID], since: Double, until: Double)
    /// Its coordinator is gone, and its nodes with it.
    case abandoned(since: Double)

    init(_ directory: RunDirectory, _ status: RunStatus, now: Double) throws {
        if directory.isRunning {
            self = .going
        } else if directory.isFinished {
            self = .finished
        } else if FileManager.default.fileExists(atPath: directory.endpointPath) {
            self = try Self.orphaned(directory, status, now: now)
        } else {
            self = .stopped
        }
    }

    private static func orphaned(
        _ directory: RunDirectory,
        _ status: RunStatus,
        now: Double
    ) throws -> RunSituation {
        let endpoint = try directory.endpoint()
        let wait =
            try directory.job().cluster.coordinatorWait
            ?? ClusterSpecification.defaultCoordinatorWait
        // The status is written several times a second while there is someone to write it.
        let since = status.updated ?? now
        let until = since + wait.value
        let alive = status.nodes.filter { $0.state.isAlive }
        guard CoordinatorAddress(host: endpoint.host, port: endpoint.port).isLoopback else {
            // Nodes of other machines cannot be looked at from here.
            return now < until
                ? .waiting(alive.map(\.id), since: since, until: until) : .abandoned(since: since)
        }
        let agents = alive.reduce(into: [NodeID: Int]()) { $0[$1.id] = $1.agentPID }
        let waiting = LocalCluster.waiting(agents, endpointPath: directory.endpointPath)
        return waiting.isEmpty
            ? .abandoned(since: since) : .waiting(waiting, since: since, until: until)
    }

    /// Whether `oobleck train --resume` has it go on without being asked for more.
    var canGoOn: Bool {
        switch self {
        case .going, .finished: false
        case .stopped, .waiting, .abandoned: true
        }
    }

    /// What there is to say to people about it, besides the numbers; nothing while all is well.
    func lines(_ directory: RunDirectory, _ status: RunStatus, now: Double) -> [String] {
        func time(_ moment: Double) -> String { Console.time(moment) }
        func length(_ seconds: Double) -> String { Console.clock(seconds: seconds) }
        let next = "go on with: \(directory.resumeCommand)"
        switch self {
        case .going:
            let silent = now - (status.updated ?? now)
            guard silent > 5 else { return [] }
            return [
                "nothing was written for \(length(silent)): the coordinator or its disk stands still"
            ]
        case .finished: return ["train more steps with: \(directory.resumeCommand) --steps N"]
        case .stopped:
            // It says itself how to go on.
            return (status.reason.map { [$0] } ?? []) + [next]
        case .waiting(_, let since, let until):
            return [
                "coordinator gone since \(time(since)); its nodes wait until \(time(until)) "
                    + "(\(length(until - now)) left)",
                next,
            ]
        case .abandoned(let since):
            return ["coordinator gone since \(time(since)), and its nodes with it", next]
        }
    }
}

extension RunStatus {
    /// The status as it is now, whatever the coordinator wrote last.
    func updated(for situation: RunSituation, in directory: RunDirectory) throws -> RunStatus {
        var status = self
        let store = try CheckpointStore(directory, job: directory.job())
        let found = store.newest(atMost: .max, corpusDigest: nil, excluding: []).point
        status.checkpointStep = found?.step
        status.checkpointSaved = try found.flatMap { try Checkpoint(path: $0.folder).published() }
        var waiting: [NodeID]?
        switch situation {
        case .going: return status
        case .finished: status.phase = .finished
        case .stopped: status.phase = .stopped
        case .waiting(let nodes, _, let until):
            status.phase = .stopped
            status.nodesWaitUntil = until
            waiting = nodes
        case .abandoned:
            status.phase = .stopped
            waiting = []
        }
        if situation.canGoOn { status.resumeCommand = directory.resumeCommand }
        for index in status.nodes.indices where status.nodes[index].state.isAlive {
            guard let waiting else {
                status.nodes[index].state = .done
                continue
            }
            let isWaiting = waiting.contains(status.nodes[index].id)
            status.nodes[index].state = isWaiting ? .waiting : .dead
        }
        return status
    }
}
