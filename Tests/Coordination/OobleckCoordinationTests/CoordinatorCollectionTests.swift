import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorCollectionTests {
    private func chunk(
        _ bench: CoordinatorBench,
        _ layer: Int,
        isLast: Bool = true,
        generation: Generation? = nil
    ) -> WorkerMessage {
        let generation = generation ?? bench.coordinator.status(now: 0).generation
        return .layerChunk(
            LayerChunk(generation: generation, layer: layer, bytes: [1], isLast: isLast)
        )
    }

    private func digests(_ bench: CoordinatorBench, _ node: NodeID) -> WorkerMessage {
        let pairs = bench.layers(of: node).map { ($0, "digest\($0)") }
        return .digests(
            generation: bench.coordinator.status(now: 0).generation,
            digests: Dictionary(uniqueKeysWithValues: pairs)
        )
    }

    @Test("a damaged layer of the final state comes from another holder")
    func damaged() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 1)
        bench.voteAll()
        let layer = try #require(bench.layers(of: 0).first)
        func report(_ generation: Generation) -> WorkerMessage {
            let findings = FaultFindings(damagedLayers: [layer])
            return .faulted(generation: generation, message: "damaged", findings)
        }
        let generation = bench.coordinator.status(now: 0).generation
        let anew = bench.say(0, report(generation))
        #expect(anew.events(.damaged).map(\.node) == [0])
        #expect(anew.fenced == [] && anew.stopError == nil)
        #expect(anew.uploads[0]?.contains(layer) != true)
        // It says so whenever it is asked.
        let newer = bench.coordinator.status(now: 0).generation
        #expect(newer == generation.next)
        #expect(bench.say(0, report(newer)) == [])
        for (node, layers) in anew.uploads {
            for layer in layers { bench.say(node, chunk(bench, layer)) }
        }
        for node in [NodeID(1), 2, 3] { bench.say(node, digests(bench, node)) }
        let rest = bench.layers(of: 0).filter { $0 != layer }.map { ($0, "digest\($0)") }
        let finish = bench.say(
            0,
            .digests(generation: newer, digests: Dictionary(uniqueKeysWithValues: rest))
        )
        let digests = (0..<6).map { "digest\($0)" }
        #expect(finish.last == .finish(.completed(layerDigests: digests, finalLoss: 2)))
    }

    @Test("after the last step each layer is uploaded once, spread evenly, and the run completes")
    func collection() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 1)
        let end = bench.voteAll()
        #expect(end.commits.map(\.pauses) == [true, true, true, true])
        let uploads = end.uploads
        #expect(uploads.keys.sorted() == [0, 1, 2, 3])
        #expect(uploads.values.joined().sorted() == Array(0..<6))
        #expect(uploads.values.map(\.count).sorted() == [1, 1, 2, 2])
        for (node, layers) in uploads { #expect(Set(layers).isSubset(of: bench.layers(of: node))) }
        for node in bench.nodes {
            for layer in uploads[node] ?? [] {
                let part = chunk(bench, layer, isLast: false)
                #expect(bench.say(node, part).count == 1)
                #expect(bench.say(node, chunk(bench, layer)).count == 1)
                #expect(bench.say(node, chunk(bench, layer)) == [])
            }
        }
        for node in [NodeID(0), 1, 2] { #expect(bench.say(node, digests(bench, node)) == []) }
        let finish = bench.say(3, digests(bench, 3))
        let outcome = RunOutcome.completed(
            layerDigests: (0..<6).map { "digest\($0)" },
            finalLoss: 2
        )
        #expect(finish.stopped == [0, 1, 2, 3])
        #expect(finish.last == .finish(outcome))
        // A death in between finds all nodes there, or a result.
        let concluded = finish.firstIndex(of: .conclude(outcome))
        let farewell = finish.firstIndex { directive in
            if case .send(_, .stop) = directive { true } else { false }
        }
        #expect(try #require(concluded) < #require(farewell))
        #expect(bench.phase == .finished)
        #expect(throws: OobleckError.self) { try bench.coordinator.admit(requested: nil) }
    }

    @Test("replicas whose final states differ are a fault that names layer and nodes")
    func disagreement() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 1)
        bench.voteAll()
        for node in bench.nodes.dropLast() { bench.say(node, digests(bench, node)) }
        let right = bench.layers(of: 3).map { ($0, "digest\($0)") }
        var wrong = Dictionary(uniqueKeysWithValues: right)
        wrong[5] = "other"
        let error = bench.say(3, .digests(generation: 0, digests: wrong)).stopError
        #expect(error?.code == .internalFault)
        #expect(error?.message.contains("and 3 disagree on the final state of layer 5") == true)
    }

    @Test("a chunk nobody asked for is dropped")
    func strayChunks() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 1)
        let uploads = bench.voteAll().uploads
        let (owner, layers) = try #require(uploads.first)
        let other = try #require(bench.nodes.first { $0 != owner })
        #expect(bench.say(other, chunk(bench, layers[0])) == [])
        #expect(bench.say(owner, chunk(bench, layers[0], generation: 7)) == [])
        #expect(bench.coordinator.staleMessages == 2)
    }

    @Test("a loss while collecting: what is not stored is asked of the others, nothing is trained")
    func lossInCollection() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 1)
        let uploads = bench.voteAll().uploads
        let lost = try #require(uploads.first { $0.value.count == 2 }?.key)
        let layers = try #require(uploads[lost])
        bench.say(lost, chunk(bench, layers[0]))
        bench.say(lost, chunk(bench, layers[1], isLast: false))
        let again = bench.tell(.nodeLost(lost, evidence: "killed"))
        #expect(again.reconfigured == [] && again.aborted == [])
        #expect(bench.coordinator.status(now: 0).generation == 1)
        #expect(again.uploads[lost] == nil)
        #expect(again.uploads.values.joined().sorted() == (0..<6).filter { $0 != layers[0] })
        // What was under way under the first generation is not mixed in.
        let (owner, asked) = try #require(again.uploads.first { !$0.value.isEmpty })
        #expect(bench.say(owner, chunk(bench, asked[0], generation: 0)) == [])
        var all: [CoordinatorDirective] = []
        for (node, layers) in again.uploads.sorted(by: { $0.key < $1.key }) {
            for layer in layers { all += bench.say(node, chunk(bench, layer)) }
            all += bench.say(node, digests(bench, node))
        }
        guard case .finish(.completed) = all.last else {
            Issue.record("ended with \(String(describing: all.last))")
            return
        }
        #expect(all.dropLast().contains { if case .store = $0 { true } else { false } })
    }

    @Test("the last holder lost while collecting ends the run with status 75")
    func lastHolderInCollection() throws {
        var bench = try CoordinatorBench.training(nodes: 2, steps: 1)
        bench.voteAll()
        let error = bench.tell(.nodeLost(1, evidence: "killed")).stopError
        #expect(error?.code == .outOfNodes)
        #expect(error?.message.contains("layer3") == true)
    }

    @Test("who hands in nothing for too long is out")
    func stuckCollection() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 1)
        let uploads = bench.voteAll().uploads
        for node in bench.nodes.dropFirst() {
            for layer in uploads[node] ?? [] { bench.say(node, chunk(bench, layer)) }
            bench.say(node, digests(bench, node))
        }
        #expect(bench.wait(40).fenced == [])
        #expect(bench.wait(2).fenced == [0])
    }
}
