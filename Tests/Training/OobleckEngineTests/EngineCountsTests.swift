import OobleckCore
import OobleckEngine
import OobleckTensor
import OobleckTestSupport
import Testing

@Suite("Counts: work of a step", .serialized, .timeLimit(.minutes(5)))
struct EngineCountsTests {
    private func check(_ name: String, _ count: Int, _ unit: String) throws {
        let complaint = try RecordedCounts.complaint(about: name, count, unit: unit)
        #expect(complaint == nil)
    }

    /// What tensors allocate in a run of one process.
    private func allocations(steps: Int) throws -> MemoryReading {
        let test = try EngineJob(nodes: 1, steps: steps)
        return try TensorRuntime.measuringMemory { read in
            _ = try SoloRun(job: test.job).run()
            return try read()
        }
    }

    @Test("memory that one worker allocates is as recorded")
    func memory() throws {
        // What a thread keeps from its first step on counts in none of the others.
        _ = try allocations(steps: 1)
        let (short, long) = (try allocations(steps: 3), try allocations(steps: 7))
        #expect(short == (try allocations(steps: 3)))
        try check(
            "engine: memory of a step",
            (long.allocated - short.allocated) / 4,
            "bytes allocated a step"
        )
        try check(
            "engine: blocks of a step",
            (long.allocations - short.allocations) / 4,
            "allocations a step"
        )
        try check("engine: most memory", long.peak, "bytes")
    }

    @Test("what four workers exchange and their coordinator keeps is as recorded")
    func exchange() async throws {
        let test = try EngineJob(nodes: 4, steps: 8)
        let records = try await EngineBench.run(test.job)
        // The first step under a plan and the last one of a run have messages of their own.
        let (first, last) = (records.traffic[1], records.traffic[5])
        try check(
            "control plane: messages of a step",
            (last.messages - first.messages) / 4,
            "messages a step of 4 workers"
        )
        try check(
            "control plane: bytes of a step",
            (last.messageBytes - first.messageBytes) / 4,
            "bytes a step of 4 workers"
        )
        try check(
            "control plane: writes of a step",
            (last.writes - first.writes) / 4,
            "writes a step"
        )
        try check(
            "ledger: bytes of a step",
            (last.ledgerBytes - first.ledgerBytes) / 4,
            "bytes a step"
        )
        try check(
            "engine: tensors exchanged in a step",
            (last.tensorBytes - first.tensorBytes) / 4,
            "bytes a step of 4 workers"
        )
    }
}
