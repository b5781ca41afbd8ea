import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@testable import OobleckTransport

@Suite("A coordinator that another one has followed", .timeLimit(.minutes(5))) struct DeposedTests {
    /// Keeps nothing, for a process whose lease is over.
    private struct LostLease: CoordinationStore {
        var mayAct: Bool { false }
        func load() -> DurableState? { nil }
        func persist(_ change: DurableChange) throws { throw OobleckError.deposed }
    }

    @Test("it refuses no node that comes back: a refusal would end what is another's now")
    func refusesNobody() async throws {
        let server = CoordinatorServer(
            coordinator: try ToyModel().coordinator(nodes: 2, steps: 3),
            recording: MemoryRecording(),
            store: LostLease(),
            socket: nil,
            token: ShellBench.token
        )
        for _ in 0..<2 {
            let agent = Outbox<AgentInstruction>()
            let agentHello = SessionHello(node: 0, pid: 1, isReturning: true)
            await server.loop.greet(await server.loop.open(.agent(agent)), .agent, agentHello)
            #expect(agent.dropReason == .deposed)
            for await instruction in agent.elements { Issue.record("it is told \(instruction)") }

            let worker = Outbox<WorkerInstruction>()
            let workerHello = SessionHello(node: 0, pid: 2, testimony: WorkerTestimony())
            await server.loop.greet(await server.loop.open(.worker(worker)), .worker, workerHello)
            #expect(worker.dropReason == .deposed)
            for await instruction in worker.elements { Issue.record("it is told \(instruction)") }
        }
        guard case .stopped(.deposed) = try await server.run() else {
            Issue.record("it did not end by itself")
            return
        }
    }
}
