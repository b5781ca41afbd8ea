import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Nodes that compute other bits", .timeLimit(.minutes(5))) struct ArithmeticTests {
    private static func arithmetic(_ fingerprint: String, _ kernels: String) -> Arithmetic {
        Arithmetic(
            fingerprint: String(repeating: fingerprint, count: 64),
            processor: "processor \(fingerprint)",
            library: "libtorch 2.13.0",
            settings: "kernels \(kernels), 1 thread"
        )
    }

    private static let usual = arithmetic("a", "AVX512")
    private static let other = arithmetic("b", "AVX2")

    private func join(_ bench: inout CoordinatorBench, _ arithmetic: Arithmetic?) throws -> NodeID {
        let node = try bench.join(becomesReady: false)
        bench.say(node, .ready(corpusDigest: "c0ffee", arithmetic: arithmetic))
        return node
    }

    @Test("are refused by what makes the difference, and the run starts with the others")
    func start() throws {
        var bench = try CoordinatorBench(nodes: 3)
        for _ in 0..<2 { _ = try join(&bench, Self.usual) }
        let node = try join(&bench, Self.other)
        #expect(bench.last.fenced == [node])
        let reason = try #require(bench.last.events(.refused).first).message
        #expect(reason.contains("node \(node) computes other bits than the run"))
        #expect(reason.contains("processor b, libtorch 2.13.0, kernels AVX2, 1 thread"))
        #expect(reason.contains("the run has processor a, libtorch 2.13.0, kernels AVX512"))
        #expect(reason.contains("cluster.cpu_level"))
        #expect(bench.last.reconfigured.count == 2)
    }

    @Test("are refused when they join later, and nodes that compute alike are not")
    func join() throws {
        var bench = try CoordinatorBench(nodes: 2)
        for _ in 0..<2 { _ = try join(&bench, Self.usual) }
        bench.prepareAll()
        bench.resumeAll()
        let node = try join(&bench, Self.other)
        #expect(bench.last.fenced == [node])
        _ = try join(&bench, Self.usual)
        #expect(bench.last.fenced.isEmpty)
    }

    @Test("what the run computes with is kept and recorded once, before anybody trains")
    func kept() throws {
        var bench = try CoordinatorBench(nodes: 2)
        _ = try join(&bench, Self.usual)
        #expect(bench.last.contains(.persist(.computing(Self.usual))))
        let recorded = RecordedArithmetic(Self.usual, step: 0, generation: 0)
        #expect(bench.last.contains(.recordArithmetic(recorded)))
        _ = try join(&bench, Self.usual)
        #expect(!bench.last.contains(.persist(.computing(Self.usual))))
    }

    @Test("are refused by a run that is resumed, too")
    func resumed() throws {
        var state = DurableState()
        state.apply(.tookOver(term: 1))
        state.apply(.computing(Self.usual))
        var bench = try CoordinatorBench(nodes: 2)
        bench.coordinator = try ToyModel().resumed(state, steps: 10, checkpoint: nil)
        bench.coordinator.expectNewcomers(2)
        bench.tell(.tick)
        let node = try join(&bench, Self.other)
        #expect(bench.last.fenced == [node])
    }

    @Test("are compared by what they say after the coordinator's restart")
    func testimony() {
        var memory = WorkerMemory(worker: 0)
        memory.said(.ready(corpusDigest: "c0ffee", arithmetic: Self.other))
        #expect(memory.testimony.arithmetic == Self.other)
    }
}
