import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

/// Nodes with two devices: votes, digests and places are a worker's; membership and loss are a node's.
@Suite("Nodes with several devices", .timeLimit(.minutes(5)))
struct DevicesPerNodeTests {
    /// A coordinator of nodes with two devices, and workers that answer at once.
    private struct Bench {
        var coordinator: Coordinator
        var workers: [WorkerID: PromptWorker] = [:]
        var last: [CoordinatorDirective] = []
        /// What is kept for the next coordinator.
        var state = DurableState()
        /// Workers that say nothing more.
        var mute: Set<WorkerID> = []

        init(nodes: Int, steps: Int = 6, checkpoint: CheckpointSpecification? = nil) throws {
            coordinator = try ToyModel().coordinator(
                nodes: nodes,
                devicesPerNode: 2,
                steps: steps,
                checkpoint: checkpoint
            )
        }

        static func ids(_ node: NodeID) -> [WorkerID] {
            [WorkerID(node), WorkerID(node, device: 1)]
        }

        @discardableResult
        mutating func tell(_ event: CoordinatorEvent) -> [CoordinatorDirective] {
            last = coordinator.handle(event, now: 1)
            for case .persist(let change) in last { state.apply(change) }
            return last
        }

        /// Agent and workers join; what the workers then say is not heard yet.
        mutating func join() throws -> NodeID {
            let node = try coordinator.admit(requested: nil)
            tell(.agentJoined(node, agentPID: 100 + node.rawValue))
            for worker in Self.ids(node) {
                let pid = 200 + 2 * node.rawValue + worker.device
                tell(.workerJoined(worker, workerPID: pid))
                workers[worker] = PromptWorker(worker)
            }
            return node
        }

        func isReady(_ node: NodeID) -> Bool {
            coordinator.status(now: 1).nodes.contains { $0.id == node && $0.state == .healthy }
        }

        /// All nodes join and are ready; returns what is then sent.
        mutating func start(_ count: Int) throws -> [CoordinatorDirective] {
            for _ in 0..<count {
                let node = try join()
                for worker in Self.ids(node) { tell(.worker(worker, .ready(corpusDigest: "c"))) }
            }
            return last
        }

        /// Hands messages to the workers and their answers back, until `isOver` or nothing is left.
        mutating func run(
            _ first: [CoordinatorDirective],
            until isOver: (CoordinatorDirective) -> Bool = { _ in false }
        ) -> [CoordinatorDirective] {
            var waiting = first
            var all: [CoordinatorDirective] = []
            while !waiting.isEmpty, all.count < 5000 {
                let directive = waiting.removeFirst()
                all.append(directive)
                if isOver(directive) { return all }
                guard case .send(let worker, let message) = directive, !mute.contains(worker)
                else { continue }
                for answer in workers[worker]?.answers(to: message) ?? [] {
                    waiting += tell(.worker(worker, answer))
                }
            }
            return all
        }
    }

    private static func isCommit(_ directive: CoordinatorDirective) -> Bool {
        if case .record = directive { true } else { false }
    }

    @Test("a node can be planned for when all of its workers are ready")
    func readiness() throws {
        var bench = try Bench(nodes: 1)
        let node = try bench.join()
        bench.tell(.worker(WorkerID(node), .ready(corpusDigest: "c")))
        #expect(!bench.isReady(node))
        bench.tell(.worker(WorkerID(node, device: 1), .ready(corpusDigest: "c")))
        #expect(bench.isReady(node))
        let status = try #require(bench.coordinator.status(now: 1).nodes.first)
        #expect(status.workerPIDs == [200, 201] && status.stages == [0, 1])
    }

    @Test("each worker of a node trains a stage of its own, and the run completes")
    func completes() throws {
        var bench = try Bench(nodes: 3)
        let all = try bench.run(bench.start(3))
        #expect(all.contains { if case .finish(.completed) = $0 { true } else { false } })
        let plan = try #require(
            all.compactMap { directive -> Reconfiguration? in
                guard case .send(_, .reconfigure(let plan)) = directive else { return nil }
                return plan
            }
            .first
        )
        #expect(Set(plan.layersByWorker.keys) == Set([NodeID(0), 1, 2].flatMap(Bench.ids)))
        let pipelines = plan.plan.pipelines.map { plan.workers(of: $0) }
        #expect(pipelines.allSatisfy { $0.count == 2 * Set($0.map(\.node)).count })
    }

    @Test("a step commits when all workers of all nodes have voted, and not before")
    func votes() throws {
        var bench = try Bench(nodes: 2)
        _ = try bench.run(bench.start(2)) {
            if case .send(_, .resume) = $0 { true } else { false }
        }
        let late = WorkerID(1, device: 1)
        bench.mute = [late]
        let (generation, step) = (Generation(0), 0)
        let resumes = [WorkerID(0), WorkerID(0, device: 1), WorkerID(1)].map {
            CoordinatorDirective.send($0, .resume(generation: generation, step: step))
        }
        let before = bench.run(resumes)
        #expect(!before.contains(where: Self.isCommit))
        bench.mute = []
        let resume = CoordinatorDirective.send(late, .resume(generation: generation, step: step))
        let after = bench.run([resume], until: Self.isCommit)
        #expect(after.contains(where: Self.isCommit))
    }

    @Test(
        "the death of one worker is its node's: the other is fenced with it, and the rest goes on"
    )
    func loss() throws {
        var bench = try Bench(nodes: 3)
        _ = try bench.run(bench.start(3), until: Self.isCommit)
        let lost = bench.tell(.sessionEnded(WorkerID(1, device: 1), .worker))
        #expect(lost.fenced == [1])
        let told = Set(
            lost.compactMap { directive -> WorkerID? in
                guard case .send(let worker, .reconfigure) = directive else { return nil }
                return worker
            }
        )
        #expect(told == Set([NodeID(0), 2].flatMap(Bench.ids)))
        #expect(lost.events(.nodeLost).count == 1)
        let stale = bench.coordinator.staleMessages
        let voted = StepVote(generation: 0, step: 1, squaredNorms: [:], losses: [:], busy: 0)
        #expect(bench.tell(.worker(1, .vote(voted))) == [])
        #expect(bench.coordinator.staleMessages == stale + 1)
        #expect(
            bench.run(lost).contains { if case .finish(.completed) = $0 { true } else { false } }
        )
    }

    @Test("two workers that are lost at once are the loss of their node, once")
    func bothLost() throws {
        var bench = try Bench(nodes: 3)
        _ = try bench.run(bench.start(3), until: Self.isCommit)
        bench.tell(.sessionEnded(WorkerID(1, device: 1), .worker))
        #expect(bench.tell(.sessionEnded(WorkerID(1), .worker)) == [])
        let dead = bench.coordinator.status(now: 1).nodes.filter { $0.state == .dead }
        #expect(dead.map(\.id) == [1])
    }

    @Test("a second worker of one device puts the node out; one of another device does not")
    func doubled() throws {
        var bench = try Bench(nodes: 2)
        let node = try bench.join()
        #expect(bench.tell(.workerJoined(WorkerID(node, device: 1), workerPID: 9)).fenced == [node])
    }

    @Test("layers of a checkpoint and of the final state come from the workers that hold them")
    func uploads() throws {
        var bench = try Bench(nodes: 2, steps: 3, checkpoint: CheckpointSpecification(.steps(1)))
        let all = try bench.run(bench.start(2))
        var held: [WorkerID: [Int]] = [:]
        for directive in all {
            guard case .send(let worker, let message) = directive else { continue }
            switch message {
            case .reconfigure(let plan): held = plan.layersByWorker
            case .checkpoint(let order):
                #expect(Set(order.layers).isSubset(of: held[worker] ?? []))
            case .collect(_, let upload): #expect(Set(upload).isSubset(of: held[worker] ?? []))
            default: break
            }
        }
        let collected = all.compactMap { directive -> [Int]? in
            guard case .send(_, .collect(_, let upload)) = directive else { return nil }
            return upload
        }
        #expect(collected.joined().sorted() == Array(0..<ToyModel.layerCount))
        #expect(collected.count == 4)
    }

    @Test("layers that change their device are copied inside the node")
    func changesInside() throws {
        // Two nodes of one pipeline each lose a node: the other keeps its layers and its places; with
        // three nodes a loss makes a pipeline of one node from a pipeline of two.
        var bench = try Bench(nodes: 3)
        _ = try bench.run(bench.start(3), until: Self.isCommit)
        let lost = bench.tell(.nodeLost(2, evidence: "killed"))
        let plan = try #require(
            lost.compactMap { directive -> Reconfiguration? in
                guard case .send(_, .reconfigure(let plan)) = directive else { return nil }
                return plan
            }
            .first
        )
        for (worker, layers) in plan.layersByWorker {
            let arriving = plan.transfers.filter { $0.receiver == worker }.map(\.layer)
            #expect(Set(arriving).isSubset(of: layers))
        }
        let inside = plan.transfers.filter { $0.fromNode == $0.toNode }
        #expect(inside.allSatisfy { $0.sender != $0.receiver })
        #expect(
            bench.run(lost).contains { if case .finish(.completed) = $0 { true } else { false } }
        )
    }

    @Test("a session with a device that nodes do not have is refused in one line")
    func refused() throws {
        let coordinator = try ToyModel().coordinator(nodes: 2, devicesPerNode: 2, steps: 3)
        var instance = CoordinatorInstance(coordinator)
        func tell(_ input: CoordinatorInstance.Input) -> [CoordinatorInstance.Directive] {
            instance.handle(input, now: 1)
            var all: [CoordinatorInstance.Directive] = []
            while let directive = instance.next(now: 1) {
                all.append(directive)
                instance.completed(now: 1)
            }
            return all
        }
        let agent = SessionHello(node: 0, pid: 7)
        let admitted = tell(.hello(1, .agent, agent, isOwn: false))
        #expect(
            admitted.contains {
                guard case .agent(1, .admitted(0, _, _, _, let devices)) = $0 else { return false }
                return devices == 2
            }
        )
        let worker = SessionHello(node: 0, device: 2, pid: 8)
        let refusals = tell(.hello(2, .worker, worker, isOwn: false)).compactMap(\.refusal)
        #expect(refusals == ["names device 2; a node has 2 devices here"])
        let second = SessionHello(node: 0, device: 1, pid: 9)
        #expect(tell(.hello(3, .worker, second, isOwn: false)).compactMap(\.refusal) == [])
    }

    @Test("after a restart a node counts when all of its workers are back")
    func restart() throws {
        var first = try Bench(nodes: 2)
        _ = try first.run(first.start(2), until: Self.isCommit)
        var state = first.state
        state.apply(.tookOver(term: 2))
        var bench = try Bench(nodes: 2)
        bench.coordinator = try ToyModel().resumed(state, nodes: 2, devicesPerNode: 2, steps: 6)
        var testimony = WorkerTestimony()
        testimony.hasJob = true
        testimony.corpusDigest = "c"
        testimony.generation = 0
        testimony.adopted = 0
        testimony.steps = state.committedSteps
        let document = try #require(state.inForce)
        let layers = document.plan.layersByWorker { document.template(nodes: $0.templateNodes) }
        for node in [NodeID(0), 1] {
            bench.tell(.agentReturned(node, agentPID: 100 + node.rawValue))
            bench.tell(.agentHeard(node))
            for worker in Bench.ids(node) {
                #expect(bench.coordinator.status(now: 1).phase == .reconnecting)
                testimony.layers = layers[worker] ?? []
                bench.tell(.workerReturned(worker, workerPID: 5 + worker.device, testimony))
                bench.tell(.workerHeard(worker))
            }
        }
        #expect(bench.coordinator.status(now: 1).phase == .reconfiguring)
        #expect(bench.coordinator.status(now: 1).nodes.allSatisfy { $0.state == .healthy })
    }
}
