import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles
import OobleckRuntime
import OobleckTransport
import Synchronization

/// Starts the nodes of a run on other machines over ssh: one agent for each node of each host, whose life
/// is that of its connection.
package final class SSHLauncher: NodeLauncher {
    /// How hosts are reached, and what their nodes are given.
    package struct Settings: Sendable {
        package var options: SSHOptions
        package var program: String
        package var interface: String?
        package var environment: [String: String]
        /// Whether a host that goes is tried again.
        package var respawns: Bool
        /// Hosts with other nodes of the run on the same machine.
        package var crowded: Set<String>

        package init(
            options: SSHOptions,
            program: String,
            interface: String? = nil,
            environment: [String: String] = [:],
            respawns: Bool = false,
            crowded: Set<String> = []
        ) {
            self.options = options
            self.program = program
            self.interface = interface
            self.environment = environment
            self.respawns = respawns
            self.crowded = crowded
        }
    }

    /// The devices of one node on one host.
    private struct Place {
        let host: HostEntry
        let slots: [Int]
        var session: RemoteSession?
        var node: NodeID?
        /// The agent there, once it is known.
        var pid: Int?
        /// Its machine, as of the last greeting.
        var bootID: String?
        var isTaken = false
    }

    private struct State {
        var places: [Place]
        var isClosed = false
        /// One for each place in use.
        var tasks: [Task<Void, Never>] = []
    }

    /// How long a host may take to greet, once it is connected.
    private static let greetingTime: Seconds = 20
    /// How often a host is tried for its first node, also without respawns.
    private static let firstAttempts = 3

    private let site: LaunchSite
    private let settings: Settings
    private let certificates: [String: NodeCertificates]
    private let logs: [String: HostLog]
    private let state: Mutex<State>

    /// A launcher of nodes on these hosts, in this order.
    ///
    /// `certificates` has those of each host by its name; none is plain text.
    package init(
        _ hosts: [HostEntry],
        site: LaunchSite,
        settings: Settings,
        certificates: [String: NodeCertificates]
    ) {
        self.site = site
        self.settings = settings
        self.certificates = certificates
        logs = Dictionary(
            uniqueKeysWithValues: hosts.map {
                ($0.name, HostLog("\(site.directory.logsPath)/\($0.name).log"))
            }
        )
        let devices = site.job.cluster.workersPerNode
        let places = hosts.flatMap { host in
            host.places(devicesPerNode: devices).map { Place(host: host, slots: $0) }
        }
        state = Mutex(State(places: places))
    }

    // MARK: Nodes

    package func start(_ node: NodeID) throws {
        try state.withLock { state in
            guard !state.isClosed else {
                throw OobleckError(.usage, "the run is over; start another to add nodes")
            }
            guard let index = state.places.firstIndex(where: { !$0.isTaken }) else {
                throw OobleckError(
                    .usage,
                    "all \(counted(state.places.count, "place")) of the hostfile are in use; add a host "
                        + "to it for the next launch"
                )
            }
            state.places[index].isTaken = true
            // Ends with its session, and that at the latest with the run (close).
            state.tasks.append(Task { await self.keep(index, node) })
        }
    }

    /// Tries hosts that did not answer before the run, again and again; their nodes get numbers when they
    /// do.
    package func await(_ hosts: [HostEntry]) {
        state.withLock { state in
            for index in state.places.indices where hosts.contains(state.places[index].host) {
                state.places[index].isTaken = true
                state.tasks.append(Task { await self.keep(index, nil) })
            }
        }
    }

    package func isOwn(_ node: NodeID, agentPID: Int) -> Bool {
        state.withLock { $0.places.contains { $0.node == node && $0.pid == agentPID } }
    }

    @discardableResult
    package func kill(_ node: NodeID) -> Bool {
        let session = state.withLock { $0.places.first { $0.node == node }?.session }
        guard let session, session.isRunning else { return false }
        session.kill()
        return true
    }

    package func killAll() {
        let sessions = state.withLock { state in
            state.isClosed = true
            return state.places.compactMap(\.session)
        }
        for session in sessions { session.kill() }
    }

    package func abandon() { killAll() }

    package func close(within time: Seconds) async throws {
        let (sessions, tasks) = state.withLock { state in
            state.isClosed = true
            return (state.places.compactMap(\.session), state.tasks)
        }
        defer {
            killAll()
            for task in tasks { task.cancel() }
        }
        let deadline = MonotonicTime.now + time
        for session in sessions { _ = try await session.waitUntilExit(deadline: deadline) }
        for session in sessions { session.end() }
        let end = MonotonicTime.now + site.deadlines.linger
        for session in sessions { _ = try await session.waitUntilExit(deadline: end) }
    }

    // MARK: One place

    /// Keeps a node at a place: once, or again and again.
    private func keep(_ index: Int, _ first: NodeID?) async {
        // Another node may be added there.
        defer { state.withLock { $0.places[index].isTaken = false } }
        var pace = RespawnPace()
        var number = first
        var (failures, said) = (0, "")
        while !Task.isCancelled {
            let begin = MonotonicTime.now
            let ending = await serve(index, number)
            guard !release(index) else { return }
            failures = ending.hasStarted ? 0 : failures + 1
            // An ssh server that is asked for many connections at once turns some away.
            let isRetry = number != nil && failures > 0 && failures < Self.firstAttempts
            let mayReturn = ending.mayPass && (settings.respawns || isRetry)
            if let node = number ?? ending.node, !ending.isInOrder, !isRetry || !mayReturn {
                // A node that never joined is heard of in no other way.
                site.onExit(node, ending.text)
                number = nil
            }
            let name = state.withLock { $0.places[index].host.name }
            guard mayReturn else {
                // A node that left in order has said so itself.
                if !ending.isInOrder { site.say("host \(name): \(ending.text)") }
                return
            }
            // The host's log has every attempt.
            if ending.text != said { site.say("host \(name): \(ending.text); trying again") }
            said = ending.text
            let life = MonotonicTime.now - begin
            let pause = pace.pause(after: life, wasReclaimed: ending.wasReclaimed)
            do { try await Task.sleep(for: Duration(pause)) } catch { return }
        }
    }

    /// Lets go of a place's session; true when the run is over.
    private func release(_ index: Int) -> Bool {
        state.withLock { state in
            state.places[index].session?.kill()
            state.places[index].session = nil
            state.places[index].pid = nil
            return state.isClosed
        }
    }

    /// How a node's time at a place ended.
    private struct Ending {
        let text: String
        var node: NodeID?
        /// Whether its host had answered.
        var hasStarted = false
        var isInOrder = false
        /// Whether another attempt may fare better.
        var mayPass = false
        var wasReclaimed = false
    }

    /// One attempt: connects, starts the agent, and follows it to its end.
    ///
    /// A node without a `number` gets one when its host has answered: those that do not use up none.
    private func serve(_ index: Int, _ number: NodeID?) async -> Ending {
        let place = state.withLock { $0.places[index] }
        let log = logs[place.host.name]
        var ending: Ending
        do {
            let session = try open(index, place, log)
            let greeting = try await session.greeting(within: greetingTime)
            var node = number
            if node == nil { node = await site.reserve() }
            guard let node else {
                return Ending(text: "the run takes no node now", mayPass: true)
            }
            note(greeting, of: node, at: index)
            log?.add("launch", "node \(node) starts: agent \(greeting.pid)")
            ending = await follow(session, order(index, node), log)
            ending.node = node
        } catch let trouble as RemoteTrouble {
            ending = Ending(text: trouble.text, mayPass: trouble.mayPass)
        } catch {
            ending = Ending(text: "\(error)")
        }
        log?.add("launch", (ending.node.map { "node \($0): " } ?? "") + ending.text)
        return ending
    }

    private func note(_ greeting: RemoteGreeting, of node: NodeID, at index: Int) {
        state.withLock { state in
            (state.places[index].node, state.places[index].pid) = (node, greeting.pid)
            state.places[index].bootID = greeting.bootID
        }
    }

    private func follow(
        _ session: RemoteSession,
        _ order: AgentOrder,
        _ log: HostLog?
    ) async -> Ending {
        do {
            try await session.tell(.serve(order), within: Self.greetingTime)
            await session.follow { line in log?.add("node \(order.node)", line) }
            // The last lines may be there before the end of the process is.
            _ = try await session.waitUntilExit(deadline: MonotonicTime.now + 5)
        } catch {
            return Ending(text: "\(error)", hasStarted: true, mayPass: true)
        }
        if session.exit?.isInOrder == true {
            return Ending(text: "has left", hasStarted: true, isInOrder: true)
        }
        if session.exit?.status == RemoteService.noticeStatus {
            return Ending(
                text: "left in order, as its machine asked",
                hasStarted: true,
                isInOrder: true,
                mayPass: true,
                wasReclaimed: true
            )
        }
        let failure = session.failure
        return Ending(text: failure.text, hasStarted: true, mayPass: failure.mayPass)
    }

    private var greetingTime: Seconds { settings.options.connectTimeout + Self.greetingTime }

    private func open(_ index: Int, _ place: Place, _ log: HostLog?) throws -> RemoteSession {
        let session = try RemoteSession(
            place.host,
            options: settings.options,
            program: settings.program
        ) { [weak self] line in
            let node = self?.state.withLock { $0.places[index].node }
            log?.add(node.map { "node \($0)" } ?? "ssh", line)
        }
        let isClosed = state.withLock { state in
            state.places[index].session = session
            state.places[index].node = nil
            return state.isClosed
        }
        if isClosed { session.kill() }
        return session
    }

    private func order(_ index: Int, _ node: NodeID) -> AgentOrder {
        let places = state.withLock { $0.places }
        let (place, host) = (places[index], places[index].host)
        let neighbours = places.indices.filter { other in
            other != index && places[other].isTaken && places[other].bootID == place.bootID
        }
        var environment = settings.environment
        if site.job.cluster.device == .cuda {
            environment["CUDA_VISIBLE_DEVICES"] = place.slots.map(String.init)
                .joined(separator: ",")
        }
        let isAlone = host.slots.count == place.slots.count
        return AgentOrder(
            coordinator: site.coordinator.description,
            token: site.token.secret,
            certificates: certificates[host.name],
            node: node,
            name: isAlone ? host.name : "\(host.name)/\(place.slots[0])",
            listen: host.address ?? settings.interface,
            sharesMachine: !isAlone || !neighbours.isEmpty
                || settings.crowded.contains(host.name),
            detectionBudget: site.deadlines.budget,
            metricsPort: site.metricsPort.map { $0 + node.rawValue },
            environment: environment
        )
    }
}
