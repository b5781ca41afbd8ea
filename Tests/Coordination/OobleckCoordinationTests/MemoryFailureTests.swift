import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckWorlds
import Testing

@Suite("Nodes that ran out of memory", .timeLimit(.minutes(5))) struct MemoryFailureTests {
    /// A node of this name joins and gets ready.
    private func join(_ bench: inout CoordinatorBench, name: String) throws -> NodeID {
        let node = try bench.coordinator.admit(
            requested: nil,
            name: name,
            now: Seconds(bench.now)
        )
        bench.tell(.agentJoined(node, agentPID: 100 + node.rawValue))
        bench.tell(.workerJoined(WorkerID(node), workerPID: 200 + node.rawValue))
        bench.say(node, .ready(corpusDigest: "c0ffee"))
        return node
    }

    private func isOutOfMemory(_ directives: [CoordinatorDirective]) -> [MemoryFailure] {
        directives.compactMap { directive in
            guard case .persist(.ranOutOfMemory(let failure)) = directive else { return nil }
            return failure
        }
    }

    /// Four nodes, one called "small", of which each holds half of the model.
    private func training() throws -> (bench: CoordinatorBench, small: NodeID) {
        var bench = try CoordinatorBench(nodes: 4, steps: 100)
        var small = NodeID(-1)
        for place in 0..<4 {
            let node = try join(&bench, name: place == 1 ? "small" : "large-\(place)")
            if place == 1 { small = node }
        }
        bench.prepareAll()
        bench.resumeAll()
        bench.voteAll()
        return (bench, small)
    }

    /// Steps are committed until the newcomers have been planned for.
    private func train(_ bench: inout CoordinatorBench) {
        for _ in 0..<20 {
            bench.now += 0.25
            bench.voteAll()
            guard bench.phase == .reconfiguring else { continue }
            bench.prepareAll()
            bench.resumeAll()
        }
    }

    @Test("it is lost like any other, and what it had is kept for the next coordinator")
    func lost() throws {
        var (bench, small) = try training()
        let layers = bench.layers(of: small)
        let said = bench.tell(.outOfMemory(small, evidence: "its worker ran out of memory"))
        #expect(said.fenced == [small])
        #expect(said.reconfigured.count == 3)
        // Three layers of 400 bytes and no activations: parameters, gradients and optimizer state.
        let load = MemoryBound(layers: layers, bytes: ByteCount(400 * layers.count))
        #expect(isOutOfMemory(said) == [MemoryFailure(node: small, name: "small", load: load)])
        let event = said.events(.outOfMemory).first
        #expect(event?.node == small)
        let list = layers.map(String.init).joined(separator: ", ")
        #expect(event?.message.contains("layers \(list)") == true)
        #expect(bench.tell(.outOfMemory(small, evidence: "again")) == [])
    }

    @Test("where every place is as heavy it stays idle, and the others train")
    func idle() throws {
        var (bench, small) = try training()
        bench.tell(.outOfMemory(small, evidence: "its worker ran out of memory"))
        bench.prepareAll()
        bench.resumeAll()
        bench.now += 60
        // Two pairs would be the best, in which each node holds three layers.
        let again = try join(&bench, name: "small")
        train(&bench)
        #expect(bench.nodes.count == 3 && !bench.nodes.contains(again))
        #expect(bench.step > 15)
    }

    @Test("when there is a lighter place it gets that, never the same layers")
    func lighter() throws {
        var (bench, small) = try training()
        let had = Set(bench.layers(of: small))
        bench.tell(.outOfMemory(small, evidence: "its worker ran out of memory"))
        bench.prepareAll()
        bench.resumeAll()
        bench.now += 60
        let again = try join(&bench, name: "small")
        _ = try join(&bench, name: "large-9")
        train(&bench)
        // A pair, and three nodes with two layers each.
        let has = Set(bench.layers(of: again))
        #expect(bench.nodes.count == 5)
        #expect(has.count == 2 && !has.isSuperset(of: had))
    }

    @Test("a restarted coordinator knows it, by the name under which the node came back")
    func restarted() throws {
        let load = MemoryBound(layers: [0, 1, 2], bytes: 1200)
        var state = DurableState()
        for change in [
            DurableChange.tookOver(term: 1), .joined(3, agentPID: 7),
            .ranOutOfMemory(MemoryFailure(node: 1, name: "small", load: load)),
        ] { state.apply(change) }
        #expect(state.memoryFailures.map(\.load) == [load])
        var coordinator = try Coordinator(
            restoring: state,
            job: ToyModel().job(nodes: 4, steps: 10),
            profile: ToyModel.profile,
            reconfigurator: Reconfigurator(
                profile: ToyModel.profile,
                costModel: .sosp23,
                faultTolerance: 1,
                microbatches: 8
            )
        )
        coordinator.noteName(of: 3, "small")
        _ = coordinator.handle(.agentReturned(3, agentPID: 7), now: 0)
        #expect(coordinator.memoryBounds(of: 3) == [load])
        #expect(coordinator.memoryBounds(of: 0) == [])
    }

    @Test("two living nodes of one name do not bind each other")
    func namesakes() throws {
        var bench = try CoordinatorBench(nodes: 4)
        for _ in 0..<4 { _ = try join(&bench, name: "host") }
        bench.prepareAll()
        bench.resumeAll()
        bench.voteAll()
        let said = bench.tell(.outOfMemory(3, evidence: "its worker ran out of memory"))
        #expect(said.stopError == nil)
        #expect(bench.nodes == [0, 1, 2])
    }

    @Test("a load is allowed when it is lighter and has not all of the layers")
    func bound() {
        let bound = MemoryBound(layers: [2, 3], bytes: 100)
        #expect(bound.allows(MemoryBound(layers: [2], bytes: 99)))
        #expect(bound.allows(MemoryBound(layers: [4, 5, 6], bytes: 99)))
        #expect(!bound.allows(MemoryBound(layers: [4], bytes: 100)))
        #expect(!bound.allows(MemoryBound(layers: [2, 3], bytes: 50)))
        let nothing = MemoryBound(layers: [], bytes: 0)
        #expect(!nothing.allows(MemoryBound(layers: [1], bytes: 1)))
    }
}
