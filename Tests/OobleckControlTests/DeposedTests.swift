import OobleckCoordination
import OobleckCore
import OobleckDrill
import Testing

@testable import OobleckControl

@Suite("A coordinator that another one has followed") struct DeposedTests {
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
            detectionBudget: 2,
            recording: MemoryRecording(),
            store: LostLease(),
            socket: nil,
            token: ShellBench.token
        )
        for _ in 0..<2 {
            await #expect(throws: OobleckError.deposed) {
                try await server.loop.attachAgent(requested: 0, pid: 1, isReturning: true)
            }
            await #expect(throws: OobleckError.deposed) {
                try await server.loop.attachWorker(0, pid: 2, testimony: WorkerTestimony())
            }
        }
        guard case .stopped(.deposed) = try await server.run() else {
            Issue.record("it did not end by itself")
            return
        }
    }
}
