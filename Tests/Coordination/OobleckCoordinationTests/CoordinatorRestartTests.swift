import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorRestartTests {
    @Test("a commit that the store lost is taken over from a worker that applied it")
    func provenCommit() throws {
        let record = CommittedStep(
            step: 4,
            generation: 2,
            firstSample: 128,
            endSample: 160,
            loss: 2,
            gradientNorm: 1
        )
        var bench = try Self.restarted(committed: 3, generation: 2)
        var ahead = Self.testimony(generation: 2, steps: 5)
        ahead.commits = [Self.record(3), record]
        var behind = Self.testimony(generation: 2, steps: 4)
        behind.votedStep = 4
        behind.commits = [Self.record(3)]
        bench.comeBack([ahead, behind, ahead, behind])
        let records = bench.all.compactMap { directive in
            if case .record(let step) = directive { step } else { nil }
        }
        #expect(records == [record])
        let commits = bench.all.compactMap { directive -> NodeID? in
            if case .send(let worker, .commit(let commit)) = directive, commit.record == record {
                return worker.node
            }
            return nil
        }
        #expect(commits == [1, 3], "who voted and never heard the outcome is told")
        #expect(bench.coordinator.status(now: 0).step == 5)
    }

    @Test("when nobody can prove the steps between ledger and workers, the run stops and says so")
    func gap() throws {
        var bench = try Self.restarted(committed: 1, generation: 2)
        bench.comeBack(Array(repeating: Self.testimony(generation: 2, steps: 5), count: 4))
        guard case .finish(.stopped(let error)) = bench.all.last else {
            Issue.record("the run goes on: \(String(describing: bench.all.last))")
            return
        }
        #expect(error.code == .storage)
        #expect(error.message.contains("2 steps") && error.message.contains("5"))
    }

    @Test("an agent with the number of one that is to come back, and another process, is refused")
    func impostor() throws {
        var bench = try Self.restarted(committed: 3, generation: 2)
        #expect(bench.coordinator.awaits(agentPID: 101, of: 1))
        #expect(!bench.coordinator.awaits(agentPID: 999, of: 1))
        #expect(throws: OobleckError.self) { try bench.coordinator.admit(requested: 1) }
        #expect(try bench.coordinator.admit(requested: nil) == 4)
    }

    @Test("who gives up an unanswered attempt to come back, and tries again, is not lost")
    func secondAttempt() throws {
        var bench = try Self.restarted(committed: 3, generation: 2)
        let testimony = Self.testimony(generation: 2, steps: 4)
        for node in [NodeID(0), 1, 2, 3] {
            // The coordinator stood still: the second attempt is there before the first one's end.
            bench.tell(.agentReturned(node, agentPID: 100 + node.rawValue))
            bench.tell(.workerReturned(WorkerID(node), workerPID: 200 + node.rawValue, testimony))
            #expect(bench.coordinator.awaits(agentPID: 100 + node.rawValue, of: node))
            #expect(bench.coordinator.awaits(workerPID: 200 + node.rawValue, of: WorkerID(node)))
            bench.tell(.sessionEnded(WorkerID(node), .worker))
            bench.tell(.sessionEnded(WorkerID(node), .agent))
        }
        #expect(bench.coordinator.status(now: 0).phase == .reconnecting)
        bench.comeBack([testimony, testimony, testimony, testimony])
        let status = bench.coordinator.status(now: 0)
        #expect(status.phase == .reconfiguring)
        #expect(status.nodes.allSatisfy { $0.state == .healthy }, "\(status.nodes)")
        // From here on the end of a stream is the end of its process.
        bench.tell(.sessionEnded(2, .worker))
        #expect(bench.coordinator.status(now: 0).nodes[2].state == .dead)
    }

    @Test("a coordinator that stands still after its restart blames nobody for not being back")
    func ownAbsence() throws {
        var bench = try Self.restarted(committed: 3, generation: 2)
        let testimony = Self.testimony(generation: 2, steps: 4)
        bench.tell(.tick)
        bench.comeBack([testimony, testimony, testimony])
        bench.tell(.tick, at: 5)
        #expect(bench.coordinator.status(now: 5).phase == .reconnecting)
        #expect(bench.coordinator.status(now: 5).nodes.allSatisfy { $0.state != .dead })
        for tenths in stride(from: 52, through: 66, by: 2) {
            for node in [NodeID(0), 1, 2] {
                bench.tell(.agentHeard(node), at: Seconds(Double(tenths) / 10))
                bench.tell(.workerHeard(WorkerID(node)), at: Seconds(Double(tenths) / 10))
            }
            bench.tell(.tick, at: Seconds(Double(tenths) / 10))
        }
        #expect(bench.coordinator.status(now: 6.6).nodes.filter { $0.state == .dead }.count == 1)
    }

    @Test("where more than f do not come back they are waited for: it may be cut off itself")
    func cutOff() throws {
        var bench = try Self.restarted(committed: 3, generation: 2)
        for tenths in stride(from: 0, through: 190, by: 5) {
            bench.tell(.tick, at: Seconds(Double(tenths) / 10))
        }
        #expect(bench.coordinator.status(now: 19).nodes.allSatisfy { $0.state != .dead })
        let testimony = Self.testimony(generation: 2, steps: 4)
        bench.comeBack([testimony, testimony, testimony, testimony], at: 19.2)
        #expect(bench.coordinator.status(now: 19.2).phase == .reconfiguring)
        var alone = try Self.restarted(committed: 3, generation: 2)
        for tenths in stride(from: 0, through: 210, by: 5) {
            alone.tell(.tick, at: Seconds(Double(tenths) / 10))
        }
        #expect(alone.coordinator.status(now: 21).nodes.allSatisfy { $0.state == .dead })
    }

    @Test("who does not come back in time is lost, and named; the others go on")
    func absent() throws {
        var bench = try Self.restarted(committed: 3, generation: 2)
        let testimony = Self.testimony(generation: 2, steps: 4)
        bench.comeBack([testimony, testimony, testimony])
        #expect(bench.coordinator.status(now: 0).phase == .reconnecting)
        bench.tell(.tick, at: 1)
        #expect(bench.coordinator.status(now: 0).phase == .reconnecting)
        for node in [NodeID(0), 1, 2] {
            bench.tell(.agentHeard(node), at: 1.5)
            bench.tell(.workerHeard(WorkerID(node)), at: 1.5)
        }
        bench.tell(.tick, at: 1.6)
        #expect(bench.coordinator.status(now: 0).nodes[3].state == .dead)
        #expect(bench.coordinator.status(now: 0).phase == .reconfiguring)
        let lost = bench.all.compactMap { directive in
            if case .log(let event) = directive, event.kind == .nodeLost { event } else { nil }
        }
        #expect(lost.map(\.node) == [3])
        #expect(lost.first?.message.contains("did not come back") == true)
    }

    /// When an agent reaches a standby, whose last coordinator froze at 0 and whose first try to
    /// find another one met the frozen one again.
    private static func timeOfReturn() -> Seconds {
        var agent = AgentSession(hello: .init(node: 0, pid: 100), hasStandby: true, now: 0)
        _ = agent.handle(.opened, now: 0)
        _ = agent.handle(.received(.admitted(0, detectionBudget: 2)), now: 0)
        var (now, attempts) = (Seconds(0), 0)
        while attempts < 2, now < 100 {
            // As the driver does, a moment later.
            now = agent.nextWake + 0.001
            let isAttempt = agent.handle(.wake, now: now).contains { directive in
                if case .connect = directive { true } else { false }
            }
            if isAttempt { attempts += 1 }
        }
        return now
    }

    @Test("a standby waits until nodes have found out that their coordinator is frozen")
    func frozen() throws {
        let found = Self.timeOfReturn()
        #expect(found > 4, "silence, and an attempt that nobody answers")
        var bench = try Self.restarted(committed: 3, generation: 2, takesOver: true)
        // Takes over as early as can be: a lease is not shorter than half a budget.
        for time in stride(from: 1, through: found.value + 0.5, by: 0.25) {
            bench.tell(.tick, at: Seconds(time))
        }
        #expect(bench.coordinator.status(now: found).phase == .reconnecting)
        let testimony = Self.testimony(generation: 2, steps: 4)
        bench.comeBack([testimony, testimony, testimony, testimony], at: found + 0.5)
        #expect(bench.coordinator.status(now: found).nodes.allSatisfy { $0.state != .dead })
        #expect(bench.coordinator.status(now: found).phase == .reconfiguring)
    }
}

extension CoordinatorRestartTests {
    /// A restarted coordinator under test, and all that it wanted done.
    struct Bench {
        var coordinator: Coordinator
        var all: [CoordinatorDirective] = []

        mutating func tell(_ event: CoordinatorEvent, at now: Seconds = 0) {
            all += coordinator.handle(event, now: now)
        }

        mutating func comeBack(_ testimonies: [WorkerTestimony], at now: Seconds = 0) {
            for (index, testimony) in testimonies.enumerated() {
                let node = NodeID(index)
                tell(.agentReturned(node, agentPID: 100 + index), at: now)
                tell(.workerReturned(WorkerID(node), workerPID: 200 + index, testimony), at: now)
                tell(.agentHeard(node), at: now)
                tell(.workerHeard(WorkerID(node)), at: now)
            }
        }
    }

    static func record(_ step: Int) -> CommittedStep {
        CommittedStep(
            step: step,
            generation: 2,
            firstSample: 32 * step,
            endSample: 32 * step + 32,
            loss: 2,
            gradientNorm: 1
        )
    }

    /// A worker of a plan of two pipelines that each hold all layers in two halves.
    static func testimony(generation: Generation, steps: Int) -> WorkerTestimony {
        var testimony = WorkerTestimony()
        testimony.corpusDigest = "c0ffee"
        testimony.hasJob = true
        testimony.generation = generation
        testimony.adopted = generation
        testimony.layers = Array(0..<ToyModel.layerCount)
        testimony.steps = steps
        return testimony
    }

    /// Four nodes under a plan of this generation, when step `committed` was the last to be kept.
    static func restarted(
        committed: Int,
        generation: Generation,
        takesOver: Bool = false
    ) throws -> Bench {
        var bench = try CoordinatorBench(nodes: 4)
        var state = DurableState()
        state.apply(.tookOver(term: 1))
        for _ in 0..<4 {
            let node = try bench.join()
            state.apply(.joined(node, agentPID: 100 + node.rawValue))
        }
        for case .persist(.planned(var plan)) in bench.last {
            plan.plan.generation = generation
            state.apply(.planned(plan))
        }
        state.apply(.inForce(generation))
        state.apply(.committed(record(committed)))
        let model = ToyModel()
        let reconfigurator = try Reconfigurator(
            profile: ToyModel.profile,
            costModel: .sosp23,
            faultTolerance: 1,
            microbatches: model.microbatches
        )
        return Bench(
            coordinator: try Coordinator(
                restoring: state,
                takesOver: takesOver,
                job: model.job(nodes: 4, steps: 10),
                profile: ToyModel.profile,
                reconfigurator: reconfigurator
            )
        )
    }
}
