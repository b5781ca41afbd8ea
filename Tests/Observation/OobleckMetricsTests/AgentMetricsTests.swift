import Foundation
import OobleckCoordination
import OobleckCore
import OobleckTestSupport
import Synchronization
import Testing

@testable import OobleckMetrics
@testable import OobleckTransport

@Suite("Numbers of an agent for Prometheus", .timeLimit(.minutes(1)))
struct AgentMetricsTests {
    private static func facts() -> AgentFacts {
        var facts = AgentFacts()
        facts.node = 3
        facts.workers = [0: 70, 1: 71]
        facts.ended = [1]
        facts.workerEnds = [.outOfMemory: 1]
        (facts.attempts, facts.sessions, facts.lostSessions) = (5, 2, 1)
        (facts.heartbeatsSent, facts.heartbeatsHeard, facts.heard) = (40, 39, 10)
        facts.isConnected = true
        return facts
    }

    @Test("an agent tells its session, its workers, and what their processes have")
    func text() throws {
        let processes = try TemporaryFolder()
        _ = try processes.write("70/statm", "900 300 20 1 0 5 0\n")
        let fields = Array(repeating: "7", count: 10).joined(separator: " ")
        let ticks = Int(sysconf(Int32(_SC_CLK_TCK)))
        _ = try processes.write(
            "70/stat",
            "70 (a (b) c) S \(fields) \(ticks * 2) \(ticks) 0 0 20\n"
        )
        let metrics = AgentMetrics(AgentTally(), processes: processes.path)
        let text = metrics.text(of: Self.facts(), now: 12.5)
        let lines = Set(text.split(separator: "\n").map(String.init))
        for line in [
            "oobleck_agent_node 3", "oobleck_agent_phase{phase=\"connected\"} 1",
            "oobleck_agent_phase{phase=\"joining\"} 0",
            "oobleck_agent_connection_attempts_total 5", "oobleck_agent_sessions_total 2",
            "oobleck_agent_session_losses_total 1", "oobleck_agent_heartbeats_sent_total 40",
            "oobleck_agent_coordinator_silence_seconds 2.5", "oobleck_agent_workers 1",
            "oobleck_agent_workers_started_total 2",
            "oobleck_agent_workers_ended_total{cause=\"out-of-memory\"} 1",
            "oobleck_agent_workers_ended_total{cause=\"signal\"} 0",
            "oobleck_agent_worker_memory_bytes{device=\"0\"} \(300 * sysconf(Int32(_SC_PAGESIZE)))",
            "oobleck_agent_worker_cpu_seconds_total{device=\"0\"} 3",
        ] {
            #expect(lines.contains(line), "\(line) is not in \(text)")
        }
        let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
        #expect(Set(types).count == types.count, "each metric is told once")
    }

    @Test("an agent is well before its first session and in one, not without, nor without a worker")
    func health() {
        var facts = AgentFacts()
        #expect(AgentMetrics.health(of: facts) == (true, "joining"))
        (facts.node, facts.sessions, facts.isConnected) = (3, 1, true)
        #expect(AgentMetrics.health(of: facts) == (true, "node 3, connected"))
        facts.isConnected = false
        #expect(AgentMetrics.health(of: facts) == (false, "node 3, searching"))
        let lacking = AgentMetrics.health(of: Self.facts())
        #expect(lacking == (false, "node 3, connected; gone is the worker of device 1"))
        facts.ending = "put out of the run: slow"
        let ended = AgentMetrics.health(of: facts)
        #expect(ended == (false, "node 3, leaving: put out of the run: slow"))
    }

    @Test("sessions are counted as the coordinator answers and as they end")
    func sessions() {
        let tally = AgentTally()
        tally.noteClosed()
        #expect(tally.facts.lostSessions == 0, "a session that was not answered is not lost")
        tally.noteHeard(.admitted(2, detectionBudget: 2))
        tally.noteHeard(.heartbeat)
        #expect(tally.facts.isConnected && tally.facts.heartbeatsHeard == 1)
        tally.noteClosed()
        #expect(!tally.facts.isConnected && tally.facts.lostSessions == 1)
        tally.noteHeard(.fence(reason: "slow"))
        #expect(tally.facts.ending == "slow")
    }

    @Test("an address that is taken costs the numbers, not the work")
    func taken() async throws {
        let listener = try ListeningSocket(host: "127.0.0.1", port: 0)
        defer { listener.discard() }
        let address = HostPort(host: "127.0.0.1", port: listener.port)
        let server = MetricsServer(address, AgentMetrics(AgentTally()))
        let complaints = Mutex<[String]>([])
        let works = Mutex(0)
        try await server.servingIfPossible { line in
            complaints.withLock { $0.append(line) }
        } _: {
            works.withLock { $0 += 1 }
        }
        #expect(works.withLock { $0 } == 1)
        let said = complaints.withLock { $0 }
        #expect(said.count == 1 && said[0].contains("cannot serve metrics at \(address)"))
    }
}
