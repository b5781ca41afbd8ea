import Foundation
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// How it stands with a run, whoever of it is alive: from its directory, and from the processes of this
/// machine.
package enum RunSituation: Hashable, Sendable {
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

    /// What can be seen of a run.
    package struct Evidence: Hashable, Sendable {
        /// Whether its coordinator's process lives.
        package var isRunning = false
        package var isFinished = false
        /// What a coordinator left that did not end in order; `nil` where it did.
        package var remains: Remains?

        package init() {}
    }

    /// What a coordinator left that died.
    package struct Remains: Hashable, Sendable {
        /// When the status was last written, in seconds since 1970; `nil` if never.
        package var lastSeen: Double?
        /// How long nodes wait for another coordinator.
        package var wait: Seconds
        /// Its nodes, all of this machine, that run still; `nil` where nodes may be on others.
        package var waitingHere: [NodeID]?
        /// The nodes that lived when the status was written.
        package var living: [NodeID]

        package init(lastSeen: Double?, wait: Seconds, waitingHere: [NodeID]?, living: [NodeID]) {
            self.lastSeen = lastSeen
            self.wait = wait
            self.waitingHere = waitingHere
            self.living = living
        }
    }

    /// How it stands with the run at `now`, in seconds since 1970.
    package init(_ evidence: Evidence, now: Double) {
        if evidence.isRunning {
            self = .going
        } else if evidence.isFinished {
            self = .finished
        } else if let remains = evidence.remains {
            // The status is written several times a second while there is someone to write it.
            let since = remains.lastSeen ?? now
            let until = since + remains.wait.value
            let waiting = remains.waitingHere ?? (now < until ? remains.living : [])
            self =
                waiting.isEmpty
                ? .abandoned(since: since) : .waiting(waiting, since: since, until: until)
        } else {
            self = .stopped
        }
    }

    /// How it stands with the run in `directory` at `now`, in seconds since 1970.
    package init(_ directory: RunDirectory, _ status: RunStatus, now: Double) throws {
        self.init(try Evidence(directory, status), now: now)
    }

    /// Whether `oobleck train --resume` has it go on without being asked for more.
    package var canGoOn: Bool {
        switch self {
        case .going, .finished: false
        case .stopped, .waiting, .abandoned: true
        }
    }

    /// What there is to say to people about it, besides the numbers; nothing while all is well.
    package func lines(_ directory: RunDirectory, _ status: RunStatus, now: Double) -> [String] {
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

extension RunSituation.Evidence {
    init(_ directory: RunDirectory, _ status: RunStatus) throws {
        isRunning = directory.isRunning
        isFinished = directory.isFinished
        guard !isRunning, !isFinished,
            FileManager.default.fileExists(atPath: directory.endpointPath)
        else { return }
        let endpoint = try directory.endpoint()
        let alive = status.nodes.filter { $0.state.isAlive }
        let agents = alive.reduce(into: [NodeID: Int]()) { $0[$1.id] = $1.agentPID }
        let isLocal = CoordinatorAddress(host: endpoint.host, port: endpoint.port).isLoopback
        // Nodes of other machines end with the launcher that started them.
        let isLaunched = try directory.launch()?.command != nil
        let here =
            isLocal ? LocalCluster.waiting(agents, endpointPath: directory.endpointPath) : nil
        remains = RunSituation.Remains(
            lastSeen: status.updated,
            wait: try directory.job().cluster.coordinatorWait
                ?? ClusterSpecification.defaultCoordinatorWait,
            waitingHere: isLaunched ? [] : here,
            living: alive.map(\.id)
        )
    }
}

extension RunStatus {
    /// The status as it is now, whatever the coordinator wrote last.
    package func updated(
        for situation: RunSituation,
        in directory: RunDirectory
    ) throws -> RunStatus {
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
