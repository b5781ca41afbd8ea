import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckTransport

/// The numbers of a node's agent and of its workers' processes, for those who ask over HTTP
/// (`Documentation/Metrics.md`).
package struct AgentMetrics: MetricsSource {
    /// What the agent is doing.
    enum Phase: String, CaseIterable {
        /// Looks for its run, which has not let it in yet.
        case joining
        case connected
        /// Lost its coordinator, and looks for it or the next.
        case searching
        /// Is to leave at the next step boundary, or is leaving.
        case leaving
    }

    private let tally: AgentTally
    private let processes: String

    /// Numbers of what `tally` counts; `processes` is where the kernel tells of processes.
    package init(_ tally: AgentTally, processes: String = "/proc") {
        (self.tally, self.processes) = (tally, processes)
    }

    package var metrics: String { text(of: tally.facts, now: MonotonicTime.now) }

    package func health(now: Seconds) -> (isWell: Bool, line: String) {
        Self.health(of: tally.facts)
    }

    /// Serves an agent's numbers at an address while `body` runs; goes on without where it cannot listen.
    package static func serve(
        at address: HostPort,
        _ tally: AgentTally,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let server = MetricsServer(address, AgentMetrics(tally))
        try await server.servingIfPossible(complain: Console.complain, body)
    }

    /// Well while there is a session with the coordinator and every worker lives, and before the first.
    static func health(of facts: AgentFacts) -> (isWell: Bool, line: String) {
        let node = facts.node.map { "node \($0), " } ?? ""
        let gone = facts.ended.sorted().map { "\($0)" }.joined(separator: ", ")
        let workers = gone.isEmpty ? "" : "; gone is the worker of device \(gone)"
        let ending = facts.ending.map { ": \($0)" } ?? ""
        let phase = phase(of: facts)
        let isWell = phase != .searching && facts.ended.isEmpty && facts.ending == nil
        return (isWell, node + phase.rawValue + workers + ending)
    }

    private static func phase(of facts: AgentFacts) -> Phase {
        if facts.isLeaving || facts.ending != nil { return .leaving }
        if facts.isConnected { return .connected }
        return facts.sessions == 0 ? .joining : .searching
    }

    /// The answer to `/metrics`.
    func text(of facts: AgentFacts, now: Seconds) -> String {
        var text = PrometheusText()
        text.begin("oobleck_agent_build_info", .gauge, "Version of the program.")
        text.sample("oobleck_agent_build_info", [("version", programVersion)], 1)
        if let node = facts.node {
            text.single("oobleck_agent_node", .gauge, "Number of the node.", Double(node.rawValue))
        }
        text.begin("oobleck_agent_phase", .gauge, "What the agent does: 1 for the present phase.")
        let present = Self.phase(of: facts)
        for phase in Phase.allCases {
            let value = phase == present ? 1.0 : 0
            text.sample("oobleck_agent_phase", [("phase", phase.rawValue)], value)
        }
        connection(facts, now, &text)
        workers(facts, &text)
        return text.text
    }

    private func connection(_ facts: AgentFacts, _ now: Seconds, _ text: inout PrometheusText) {
        let counters: [(name: String, help: String, value: Int)] = [
            ("connection_attempts", "Sessions with a coordinator that were tried.", facts.attempts),
            ("sessions", "Sessions that a coordinator answered.", facts.sessions),
            ("session_losses", "Answered sessions that ended.", facts.lostSessions),
            ("heartbeats_sent", "Signs of life to the coordinator.", facts.heartbeatsSent),
            ("heartbeats_received", "Signs of life of the coordinator.", facts.heartbeatsHeard),
        ]
        for (name, help, value) in counters {
            text.single("oobleck_agent_\(name)_total", .counter, help, Double(value))
        }
        if let heard = facts.heard {
            text.single(
                "oobleck_agent_coordinator_silence_seconds",
                .gauge,
                "Time since the coordinator was heard last.",
                max(0, (now - heard).value)
            )
        }
    }

    private func workers(_ facts: AgentFacts, _ text: inout PrometheusText) {
        let alive = facts.workers.filter { !facts.ended.contains($0.key) }
            .sorted { $0.key < $1.key }
        text.single(
            "oobleck_agent_workers",
            .gauge,
            "Workers whose process lives.",
            Double(alive.count)
        )
        text.single(
            "oobleck_agent_workers_started_total",
            .counter,
            "Workers that were started.",
            Double(facts.workers.count)
        )
        let ended = "oobleck_agent_workers_ended_total"
        text.begin(ended, .counter, "Workers that are gone, by how they ended.")
        for end in AgentFacts.WorkerEnd.allCases {
            let count = Double(facts.workerEnds[end] ?? 0)
            text.sample(ended, [("cause", end.rawValue)], count)
        }
        let uses = alive.compactMap { device, pid in
            ProcessUse(pid, processes: processes).map { (device: "\(device)", use: $0) }
        }
        guard !uses.isEmpty else { return }
        text.begin("oobleck_agent_worker_memory_bytes", .gauge, "Resident memory of a worker.")
        for (device, use) in uses {
            let labels = [("device", device)]
            text.sample("oobleck_agent_worker_memory_bytes", labels, Double(use.memory.value))
        }
        let cpu = "oobleck_agent_worker_cpu_seconds_total"
        text.begin(cpu, .counter, "Time that a worker's threads had a processor.")
        for (device, use) in uses { text.sample(cpu, [("device", device)], use.processor.value) }
    }
}
