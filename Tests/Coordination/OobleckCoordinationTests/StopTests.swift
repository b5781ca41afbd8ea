import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("A request to stop, or to save", .timeLimit(.minutes(5)))
struct StopTests {
    private func bench(
        nodes: Int = 4,
        saves: Bool = true,
        _ rhythm: CheckpointSpecification.Rhythm = .steps(100)
    ) throws -> CoordinatorBench {
        try CoordinatorBench.training(
            nodes: nodes,
            checkpoint: saves ? CheckpointSpecification(rhythm, directory: "/saves") : nil
        )
    }

    private func stop(_ bench: inout CoordinatorBench) -> [CoordinatorDirective] {
        bench.tell(.stopRequested(reason: "interrupted"))
    }

    private func report(
        _ order: CheckpointOrder,
        _ layer: Int,
        _ failure: String? = nil
    ) -> WorkerMessage {
        let digest = ShardDigest(sha256: "sha\(layer)", fileSHA256: "file\(layer)", bytes: 300)
        return .shard(
            ShardReport(
                generation: order.generation,
                step: order.step,
                layer: layer,
                outcome: failure.map { .failed($0) } ?? .written(digest),
                heldUp: 0.002
            )
        )
    }

    private func write(_ orders: [NodeID: CheckpointOrder], _ bench: inout CoordinatorBench) {
        for (node, order) in orders.sorted(by: { $0.key < $1.key }) {
            for layer in order.layers { bench.say(node, report(order, layer)) }
        }
    }

    @Test("the step in flight is committed, its state saved, and then the run ends and says so")
    func stepBoundary() throws {
        var bench = try bench()
        bench.voteAll()
        let asked = stop(&bench)
        #expect(asked.stopped.isEmpty)
        #expect(asked.events(.stopping).count == 1)
        let boundary = bench.voteAll()
        #expect(boundary.commits.count == 4)
        #expect(boundary.commits.allSatisfy { $0.pauses })
        #expect(boundary.stopped.isEmpty)
        #expect(bench.phase == .stopping)
        let orders = boundary.orders
        #expect(orders.values.flatMap(\.layers).sorted() == Array(0..<6))
        write(orders, &bench)
        #expect(bench.last.stopError == nil)
        bench.tell(.checkpoint(.published(generation: 0, step: 2)))
        #expect(bench.last.stopError?.code == .outOfNodes)
        let message = "stopped on request (interrupted) at step 2 of 10; its state is saved"
        #expect(bench.last.stopError?.message == message)
        #expect(bench.last.stopped == [0, 1, 2, 3])
    }

    @Test("a run without checkpoints ends at the boundary and says that nothing is saved")
    func noCheckpoints() throws {
        var bench = try bench(saves: false)
        _ = stop(&bench)
        bench.voteAll()
        let message = try #require(bench.last.stopError?.message)
        #expect(message.contains("at step 1 of 10; not saved: the job saves no checkpoints"))
    }

    @Test("a save of the boundary's step that is there already is enough")
    func savedAlready() throws {
        var bench = try bench(nodes: 2)
        bench.tell(.saveRequested)
        let orders = bench.voteAll().orders
        #expect(Set(orders.values.map(\.step)) == [1])
        // The boundary of the stop is that of step 2; step 1 is still being written then.
        _ = stop(&bench)
        #expect(bench.voteAll().orders.isEmpty)
        #expect(bench.phase == .stopping)
        write(orders, &bench)
        let second = bench.tell(.checkpoint(.published(generation: 0, step: 1))).orders
        #expect(Set(second.values.map(\.step)) == [2])
        write(second, &bench)
        bench.tell(.checkpoint(.published(generation: 0, step: 2)))
        #expect(bench.last.stopError?.message.hasSuffix("step 2 of 10; its state is saved") == true)
    }

    @Test("the second request ends the run at once and says what is saved")
    func twice() throws {
        var bench = try bench()
        bench.voteAll()
        _ = stop(&bench)
        _ = stop(&bench)
        let message = try #require(bench.last.stopError?.message)
        #expect(message.contains("at step 1 of 10; not saved: it was asked to twice"))
        #expect(message.hasSuffix("there is no checkpoint"))
        #expect(bench.last.stopped == [0, 1, 2, 3])
    }

    @Test("a request to end needs no boundary")
    func atOnce() throws {
        var bench = try bench()
        bench.voteAll()
        bench.tell(.endRequested(reason: "the disk is full"))
        #expect(bench.last.stopError?.message.contains("it had to end at once") == true)
    }

    @Test("before the first step, and while it waits for nodes, a run ends at once")
    func nothingToCommit() throws {
        var starting = try CoordinatorBench(nodes: 2)
        try starting.join()
        _ = stop(&starting)
        #expect(starting.last.stopError?.message.hasSuffix("first step was committed") == true)

        var waiting = try bench(nodes: 2)
        waiting.voteAll()
        waiting.tell(.nodeLost(0, evidence: "killed"))
        #expect(waiting.phase == .waitingForNodes)
        _ = stop(&waiting)
        #expect(waiting.last.stopError?.message.contains("not saved") == true)
    }

    @Test("a node lost after the request: the run is planned anew, and ends after the step")
    func lossBeforeTheBoundary() throws {
        var bench = try bench()
        bench.voteAll()
        _ = stop(&bench)
        bench.tell(.nodeLost(1, evidence: "killed"))
        #expect(bench.phase == .reconfiguring)
        bench.prepareAll()
        bench.resumeAll()
        let orders = bench.voteAll().orders
        write(orders, &bench)
        bench.tell(.checkpoint(.published(generation: bench.generation, step: 2)))
        #expect(bench.last.stopError?.message.contains("step 2 of 10; its state is saved") == true)
    }

    @Test("a writer lost at the boundary: the others save what it had to")
    func lossAtTheBoundary() throws {
        var bench = try bench()
        _ = stop(&bench)
        let first = bench.voteAll().orders
        let writer = try #require(first.keys.min())
        let again = bench.tell(.nodeLost(writer, evidence: "killed")).orders
        #expect(again.values.flatMap(\.layers).sorted() == Array(0..<6))
        #expect(again[writer] == nil)
        write(again, &bench)
        bench.tell(.checkpoint(.published(generation: 0, step: 1)))
        #expect(bench.last.stopError?.message.contains("its state is saved") == true)
    }

    @Test("a layer whose last holder dies at the boundary cannot be saved, and that is said")
    func layerLostAtTheBoundary() throws {
        var bench = try bench(nodes: 2)
        _ = stop(&bench)
        bench.voteAll()
        bench.tell(.nodeLost(0, evidence: "killed"))
        if bench.last.stopError == nil { bench.tell(.nodeLost(1, evidence: "killed")) }
        let message = try #require(bench.last.stopError?.message)
        #expect(message.contains("not saved: nodes were lost"))
    }

    @Test("a save that fails is tried once more, and then the run ends and says why")
    func failedSave() throws {
        var bench = try bench(nodes: 2)
        _ = stop(&bench)
        let first = bench.voteAll().orders
        let (node, order) = try #require(first.min { $0.key < $1.key })
        let full = "No space left on device"
        let again = bench.say(node, report(order, order.layers[0], full)).orders
        #expect(!again.isEmpty)
        let (other, second) = try #require(again.min { $0.key < $1.key })
        bench.say(other, report(second, second.layers[0], full))
        let message = try #require(bench.last.stopError?.message)
        #expect(message.contains("not saved: node \(other): \(full)"))
    }

    @Test("a step that does not come, and a disk that does not answer, are waited for so long")
    func bounds() throws {
        var stuck = try bench(nodes: 2)
        stuck.voteAll()
        _ = stop(&stuck)
        let limit = Deadlines(budget: 2, step: 0.1).stop.value
        let waited = stuck.wait(limit + 20).compactMap { [$0].stopError }
        #expect(waited.first?.message.contains("no step was committed within") == true)

        var silent = try bench(nodes: 2)
        _ = stop(&silent)
        silent.voteAll()
        let ended = silent.wait(Deadlines(budget: 2).save(of: 0).value + 20)
            .compactMap { [$0].stopError }
        #expect(ended.first?.message.contains("not on disk within") == true)
    }

    @Test("after the last step a request changes nothing: the run completes")
    func collecting() throws {
        var bench = try CoordinatorBench.training(nodes: 2, steps: 1)
        bench.voteAll()
        #expect(bench.phase == .collecting)
        _ = stop(&bench)
        #expect(bench.last.stopError == nil)
        #expect(bench.phase == .collecting)

        var last = try CoordinatorBench.training(nodes: 2, steps: 1)
        _ = stop(&last)
        last.voteAll()
        #expect(last.phase == .collecting)
    }

    @Test("a request to save has the next boundary saved, whatever the rhythm says")
    func save() throws {
        var bench = try bench()
        #expect(bench.voteAll().orders.isEmpty)
        #expect(bench.tell(.saveRequested).events(.checkpointRequested).count == 1)
        let orders = bench.voteAll().orders
        #expect(Set(orders.values.map(\.step)) == [2])
        write(orders, &bench)
        bench.tell(.checkpoint(.published(generation: 0, step: 2)))
        #expect(bench.voteAll().orders.isEmpty)
    }

    @Test("a request to save where the job saves nothing is answered")
    func saveWithout() throws {
        var bench = try bench(saves: false)
        let said = bench.tell(.saveRequested).events(.checkpointRequested)
        #expect(said.first?.message.contains("the job saves none") == true)
        #expect(bench.voteAll().orders.isEmpty)
    }
}
