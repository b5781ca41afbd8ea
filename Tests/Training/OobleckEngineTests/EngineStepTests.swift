import OobleckCore
import OobleckEngine
import Testing

@Suite("Steps of several workers in one process", .serialized, .timeLimit(.minutes(5)))
struct EngineStepTests {
    @Test("end with the state and the losses of one process", arguments: [1, 2, 3, 4])
    func steps(nodes: Int) async throws {
        let test = try EngineJob(nodes: nodes, steps: 5)
        let solo = try test.solo()
        let records = try await EngineBench.run(test.job)
        #expect(records.layerDigests == solo.layerDigests)
        #expect(records.steps.map(\.loss) == solo.losses)
        #expect(records.lost.isEmpty)
    }
}
