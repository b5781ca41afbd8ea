import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("What the coordinator decides about checkpoints", .timeLimit(.minutes(5)))
struct CoordinatorCheckpointTests {
    private func bench(
        nodes: Int = 4,
        _ rhythm: CheckpointSpecification.Rhythm = .steps(2)
    ) throws -> CoordinatorBench {
        try CoordinatorBench.training(
            nodes: nodes,
            checkpoint: CheckpointSpecification(rhythm, directory: "/saves", wait: 30)
        )
    }

    private func report(
        _ order: CheckpointOrder,
        _ layer: Int,
        _ outcome: ShardReport.Outcome? = nil,
        heldUp: Seconds = 0.002
    ) -> WorkerMessage {
        let digest = ShardDigest(sha256: "sha\(layer)", fileSHA256: "file\(layer)", bytes: 300)
        return .shard(
            ShardReport(
                generation: order.generation,
                step: order.step,
                layer: layer,
                outcome: outcome ?? .written(digest),
                heldUp: heldUp
            )
        )
    }

    /// All writers report all layers as written; returns all that follows.
    private func write(
        _ orders: [NodeID: CheckpointOrder],
        _ bench: inout CoordinatorBench
    ) -> [CoordinatorDirective] {
        orders.sorted { $0.key < $1.key }.flatMap { node, order in
            order.layers.flatMap { bench.say(node, report(order, $0)) }
        }
    }

    /// Saves the checkpoint of step 2 completely.
    private func saved(_ bench: inout CoordinatorBench) throws {
        bench.voteAll()
        let orders = bench.voteAll().orders
        _ = write(orders, &bench)
        let generation = try #require(orders.values.first).generation
        bench.tell(.checkpoint(.published(generation: generation, step: 2)))
    }

    private let point = RestorePoint(
        step: 2,
        folder: "/saves/step-000002",
        stateSHA256: "state",
        layerSHA256: (0..<6).map { "sha\($0)" }
    )

    @Test("a due save follows the commit to every writer, each layer once, spread by bytes")
    func order() throws {
        var bench = try bench()
        #expect(bench.voteAll().orders.isEmpty)
        let directives = bench.voteAll()
        let orders = directives.orders
        #expect(orders.values.flatMap(\.layers).sorted() == Array(0..<6))
        for (node, order) in orders {
            #expect(Set(order.layers).isSubset(of: bench.layers(of: node)))
            #expect(order.step == 2)
            #expect(order.folder == "/saves/step-000002.generation-0.partial")
            // Six equal layers over two holders each: nobody writes more than half of a stage's.
            #expect(order.layers.count <= 2)
        }
        let kinds = directives.sent.map { $0.message }
        let commit = try #require(kinds.lastIndex { if case .commit = $0 { true } else { false } })
        let save = try #require(
            kinds.firstIndex { if case .checkpoint = $0 { true } else { false } }
        )
        #expect(commit < save)
    }

    @Test("without the section nothing is saved")
    func never() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        for _ in 0..<5 { #expect(bench.voteAll().orders.isEmpty) }
    }

    @Test("it is published when every layer is on the device, and said so when the store has")
    func publication() throws {
        var bench = try bench()
        bench.voteAll()
        let orders = bench.voteAll().orders
        let actions = write(orders, &bench).actions
        #expect(
            actions == [
                .publish(
                    CheckpointPublication(
                        generation: 0,
                        step: 2,
                        corpusDigest: "c0ffee",
                        layers: (0..<6).map {
                            ShardDigest(sha256: "sha\($0)", fileSHA256: "file\($0)", bytes: 300)
                        }
                    )
                )
            ]
        )
        #expect(bench.coordinator.status(now: 0).checkpointStep == nil)
        let said = bench.tell(.checkpoint(.published(generation: 0, step: 2)))
        #expect(said.events(.checkpointSaved).count == 1)
        #expect(bench.coordinator.status(now: 0).checkpointStep == 2)
    }

    @Test("a failed write is named, the rest discarded, and training goes on to the next save")
    func failedWrite() throws {
        var bench = try bench()
        bench.voteAll()
        let orders = bench.voteAll().orders
        let (node, order) = try #require(orders.min { $0.key < $1.key })
        let fault = "cannot write /saves/x: No space left on device"
        let directives = bench.say(node, report(order, order.layers[0], .failed(fault)))
        let event = try #require(directives.events(.checkpointFailed).first)
        #expect(event.message.contains(fault) && event.message.contains("step 2"))
        #expect(event.node == node)
        #expect(directives.actions == [.discard(generation: 0, step: 2)])
        // What the others report of it is late.
        #expect(write(orders, &bench).actions.isEmpty)
        #expect(bench.voteAll().orders.isEmpty)
        #expect(bench.voteAll().orders.values.allSatisfy { $0.step == 4 })
    }

    @Test("a publication that fails is named and tried again at the next save")
    func failedPublication() throws {
        var bench = try bench()
        bench.voteAll()
        _ = write(bench.voteAll().orders, &bench)
        let outcome = CheckpointOutcome.failed(generation: 0, step: 2, message: "torn")
        #expect(bench.tell(.checkpoint(outcome)).events(.checkpointFailed).count == 1)
        bench.voteAll()
        #expect(!bench.voteAll().orders.isEmpty)
    }

    @Test("while one save is being written, none is started, and that is said")
    func oneAtATime() throws {
        var bench = try bench()
        bench.voteAll()
        bench.voteAll()
        bench.voteAll()
        let directives = bench.voteAll()
        #expect(directives.orders.isEmpty)
        #expect(directives.events(.warning).contains { $0.message.contains("step 4") })
    }

    @Test("a save whose writer dies is given up and tried again at the next step")
    func lostWriter() throws {
        var bench = try bench()
        bench.voteAll()
        let orders = bench.voteAll().orders
        let writer = try #require(orders.keys.min())
        let directives = bench.tell(.nodeLost(writer, evidence: "killed"))
        #expect(directives.events(.checkpointFailed).count == 1)
        #expect(directives.actions == [.discard(generation: 0, step: 2)])
        bench.prepareAll()
        bench.resumeAll()
        let again = bench.voteAll().orders
        #expect(again.values.allSatisfy { $0.step == 3 })
        #expect(again.values.flatMap(\.layers).sorted() == Array(0..<6))
    }

    @Test("the loss of a node that has written its layers does not end a save")
    func lostAfterWriting() throws {
        var bench = try bench()
        bench.voteAll()
        let orders = bench.voteAll().orders
        let (writer, order) = try #require(orders.min { $0.key < $1.key })
        for layer in order.layers { bench.say(writer, report(order, layer)) }
        let directives = bench.tell(.nodeLost(writer, evidence: "killed"))
        #expect(directives.events(.checkpointFailed).isEmpty)
        var rest = orders
        rest[writer] = nil
        #expect(write(rest, &bench).actions.count == 1)
    }

    @Test("a save on a disk that does not answer is given up in the end")
    func silentDisk() throws {
        var bench = try bench()
        bench.voteAll()
        bench.voteAll()
        // Steps go on; only the disk does not.
        var directives: [CoordinatorDirective] = []
        for _ in 0..<27 {
            directives += bench.wait(15)
            if bench.step < 9 { directives += bench.voteAll() }
        }
        let failed = directives.events(.checkpointFailed)
        #expect(failed.contains { $0.message.contains("not on disk within") }, "\(failed)")
    }

    @Test("who drains writes only what nobody else holds")
    func draining() throws {
        var bench = try bench()
        bench.voteAll()
        let leaving = try #require(bench.nodes.last)
        bench.tell(.drainRequested(leaving))
        let orders = bench.voteAll().orders
        #expect(orders[leaving] == nil)
        #expect(orders.values.flatMap(\.layers).sorted() == Array(0..<6))
    }

    @Test("by Young and Daly's rule the first save comes at once, the next by what it cost")
    func youngDaly() throws {
        var bench = try bench(.youngDaly)
        let first = bench.voteAll().orders
        #expect(first.values.allSatisfy { $0.step == 1 } && !first.isEmpty)
        for (node, order) in first {
            for layer in order.layers { bench.say(node, report(order, layer, heldUp: 10)) }
        }
        bench.tell(.checkpoint(.published(generation: 0, step: 1)))
        // Due when the time since then reaches the root of 2 * 10 s * the time without failures.
        bench.wait(19.75)
        #expect(bench.voteAll().orders.isEmpty)
        bench.wait(0.25)
        #expect(bench.voteAll().orders.values.allSatisfy { $0.step == 3 })
        #expect(!bench.last.orders.isEmpty)
    }

    @Test("a disk that refuses again and again is asked less and less often, and named as seldom")
    func refusedForLong() throws {
        var bench = try bench(.youngDaly)
        var orders: [Double] = []
        var named = 0
        for _ in 0..<400 where bench.step < 9 {
            var directives = bench.wait(1)
            if bench.step < 8 { directives += bench.voteAll() }
            guard let (node, order) = directives.orders.min(by: { $0.key < $1.key }) else {
                continue
            }
            orders.append(bench.now)
            let failed = report(order, order.layers[0], .failed("disk \(order.step) full"))
            named += bench.say(node, failed).events(.checkpointFailed).count
        }
        #expect(orders.count >= 3)
        let pauses = zip(orders, orders.dropFirst()).map { $1 - $0 }
        #expect(pauses == pauses.sorted() && pauses[0] >= 2, "\(pauses)")
        #expect(named == [1, 2, 4, 8].count { $0 <= orders.count }, "\(named)")
    }

    @Test("by Young and Daly's rule a disk that refuses is asked again after a detection budget")
    func youngDalyRefused() throws {
        var bench = try bench(.youngDaly)
        let first = bench.voteAll().orders
        let (node, order) = try #require(first.min { $0.key < $1.key })
        bench.say(node, report(order, order.layers[0], .failed("full")))
        #expect(bench.voteAll().orders.isEmpty)
        bench.wait(2)
        #expect(!bench.voteAll().orders.isEmpty)
    }

    // MARK: Going back

    /// Loses every holder of layer 0 at once.
    private func loseLayer(_ bench: inout CoordinatorBench) -> [CoordinatorDirective] {
        let holders = bench.nodes.filter { bench.layers(of: $0).contains(0) }
        return holders.flatMap { bench.tell(.nodeLost($0, evidence: "killed")) }
    }

    @Test("when a layer's last copy is gone, the newest checkpoint is asked for and loaded by all")
    func goesBack() throws {
        var bench = try bench(nodes: 6)
        try saved(&bench)
        bench.voteAll()
        let directives = loseLayer(&bench)
        #expect(bench.phase == .waitingForNodes)
        #expect(
            directives.actions.last
                == .find(
                    atMost: 3,
                    corpusDigest: "c0ffee",
                    excluding: []
                )
        )
        let found = bench.tell(.checkpoint(.found(point, passedOver: ["step 3 is torn"])))
        #expect(found.events(.checkpointDamaged).map(\.message) == ["passed over: step 3 is torn"])
        #expect(Set(found.reconfigured) == Set(bench.nodes))
        #expect(bench.plan?.restore == point)
        #expect(bench.plan?.committedSteps == 2)
        #expect(bench.plan?.transfers == [])
        let ready = bench.prepareAll()
        #expect(
            ready.contains(
                .restored(
                    RestoredRun(step: 2, generation: bench.generation, stateSHA256: "state")
                )
            )
        )
        #expect(bench.step == 2)
        for case .send(_, .resume(_, let step)) in ready { #expect(step == 2) }
        bench.resumeAll()
        bench.voteAll()
        let result = bench.coordinator.result(stateSHA256: "")
        #expect(result.samplesCommitted == 3 * 32 && result.samplesRepeated == 0)
        #expect(result.restores?.map(\.fromStep) == [3])
    }

    @Test("a checkpoint that a worker cannot load is named and the one before it is tried")
    func damaged() throws {
        var bench = try bench(nodes: 6)
        try saved(&bench)
        _ = loseLayer(&bench)
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        let failure = RestoreFailure(
            generation: bench.generation,
            step: 2,
            message: "layer-003.safetensors: its state has SHA-256 ab"
        )
        let directives = bench.say(bench.nodes[0], .restoreFailed(failure))
        #expect(directives.events(.checkpointDamaged).count == 1)
        #expect(Set(directives.aborted) == Set(bench.nodes))
        #expect(
            directives.actions == [.find(atMost: 2, corpusDigest: "c0ffee", excluding: [2])]
        )
        // The same complaint of another worker comes too late to count.
        #expect(bench.say(bench.nodes[1], .restoreFailed(failure)).actions.isEmpty)
        var older = point
        older.step = 1
        bench.tell(.checkpoint(.found(older, passedOver: [])))
        #expect(bench.plan?.restore == older)
    }

    @Test("a return that was begun, and not needed in the end, is not continued at the next one")
    func begunInVain() throws {
        var bench = try bench(nodes: 6)
        try saved(&bench)
        _ = loseLayer(&bench)
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        #expect(bench.plan?.restore == point)
        // All come back before they have loaded it, and together they still hold all layers.
        let inForce = Generation(bench.generation.rawValue - 1)
        let living = bench.coordinator.status(now: 0).nodes.filter { $0.state.isAlive }.map(\.id)
        bench.tell(.dropped)
        for node in living {
            var testimony = CoordinatorRestartTests.testimony(generation: inForce, steps: 2)
            testimony.generation = bench.generation
            bench.tell(.agentReturned(node, agentPID: 100 + node.rawValue))
            bench.tell(.workerReturned(WorkerID(node), workerPID: 200 + node.rawValue, testimony))
            bench.tell(.agentHeard(node))
            bench.tell(.workerHeard(WorkerID(node)))
        }
        #expect(bench.plan?.restore == nil)
        bench.prepareAll()
        #expect(bench.phase == .training && bench.step == 2)
        bench.voteAll()
        // The checkpoint of then may not be the newest any more: it is looked for again.
        let directives = loseLayer(&bench)
        #expect(
            directives.actions.last
                == .find(atMost: 3, corpusDigest: "c0ffee", excluding: [])
        )
    }

    @Test("without any whole checkpoint the run ends with the reason, as it would without saves")
    func nothingToRestore() throws {
        var bench = try bench()
        bench.voteAll()
        _ = loseLayer(&bench)
        bench.tell(.checkpoint(.found(nil, passedOver: [])))
        #expect(bench.last.stopError?.code == .outOfNodes)
        #expect(bench.last.stopError?.message.contains("no checkpoint") == true)
    }

    @Test(
        "with too few nodes left it waits, goes back when one comes, and survives a loss meanwhile"
    )
    func waits() throws {
        var bench = try bench(nodes: 2)
        try saved(&bench)
        bench.tell(.nodeLost(bench.nodes[0], evidence: "killed"))
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        #expect(bench.phase == .waitingForNodes)
        #expect(bench.wait(5).reconfigured.isEmpty)
        let second = try bench.join()
        #expect(bench.phase == .reconfiguring)
        // The newcomer dies before it has loaded its layers; another comes.
        bench.tell(.nodeLost(second, evidence: "killed"))
        #expect(bench.phase == .waitingForNodes)
        try bench.join()
        #expect(bench.plan?.restore == point)
        bench.prepareAll()
        #expect(bench.phase == .training && bench.step == 2)
    }

    @Test("the wait for nodes ends, with what is missing and what there is")
    func waitEnds() throws {
        var bench = try bench(nodes: 2)
        try saved(&bench)
        bench.tell(.nodeLost(bench.nodes[0], evidence: "killed"))
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        let ended = bench.wait(31).compactMap { [$0].stopError }
        let error = try #require(ended.first)
        #expect(error.code == .outOfNodes)
        #expect(error.message.contains("30.0 s") && error.message.contains("of step 2"))
    }

    @Test("the loss of a whole pipeline is survived without going back")
    func nothingLost() throws {
        var bench = try bench(nodes: 4)
        try saved(&bench)
        let pipeline = try #require(bench.plan?.plan.pipelines.first).nodes
        for node in pipeline { bench.tell(.nodeLost(node, evidence: "killed")) }
        #expect(bench.plan?.restore == nil)
        #expect(bench.phase == .reconfiguring)
    }

    @Test("a run started from a checkpoint has every worker load it, and trains from its step")
    func startsFromCheckpoint() throws {
        var bench = try CoordinatorBench(nodes: 2)
        bench.coordinator = try ToyModel().coordinator(
            nodes: 2,
            steps: 10,
            startingFrom: point,
            committed: 5
        )
        for _ in 0..<2 { try bench.join() }
        #expect(bench.plan?.restore == point)
        #expect(bench.plan?.committedSteps == 2)
        let ready = bench.prepareAll()
        #expect(ready.contains { if case .restored = $0 { true } else { false } })
        #expect(bench.step == 2)
        bench.resumeAll()
        bench.voteAll()
        #expect(bench.step == 3)
    }
}
