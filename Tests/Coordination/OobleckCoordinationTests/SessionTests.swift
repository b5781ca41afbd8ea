import OobleckCoordination
import OobleckCore
import Testing

@Suite struct SessionTests {
    /// What a session wants done, in words.
    private static func words<Report, Action>(
        _ directives: [SessionDirective<Report, Action>]
    ) -> [String] {
        directives.map { directive in
            switch directive {
            case .connect: "connect"
            case .disconnect: "disconnect"
            case .hello(let hello): hello.isReturning ? "return" : "hello"
            case .send(let report): "send \(report)"
            case .act(let action): "do \(action)"
            case .end(.inOrder): "end"
            case .end(.failed(let error)): "fail \(error.code.exitStatus)"
            }
        }
    }

    /// An agent that was admitted at 0 with a budget of 2 s.
    private static func admitted(
        hasStandby: Bool = false,
        wait: Seconds = ClusterSpecification.defaultCoordinatorWait
    ) -> AgentSession {
        var agent = AgentSession(
            hello: SessionHello(node: 3, pid: 7),
            hasStandby: hasStandby,
            now: 0
        )
        #expect(words(agent.handle(.opened, now: 0)) == ["hello"])
        let admission = AgentInstruction.admitted(3, detectionBudget: 2, coordinatorWait: wait)
        let steps = agent.handle(.received(admission), now: 0)
        let start = AgentSession.Action.startWorkers(3, detectionBudget: 2)
        #expect(words(steps) == ["send heartbeat", "do \(start)"])
        return agent
    }

    @Test("an agent keeps its worker when the coordinator dies, and comes back to the next")
    func agentComesBack() {
        var agent = Self.admitted()
        #expect(Self.words(agent.handle(.closed(reason: "reset"), now: 5)) == [])
        #expect(agent.nextWake == 5.05)
        #expect(Self.words(agent.handle(.wake, now: 5.05)) == ["connect"])
        #expect(Self.words(agent.handle(.closed(reason: "refused"), now: 5.06)) == [])
        #expect(Self.words(agent.handle(.wake, now: 5.2)) == ["connect"])
        #expect(Self.words(agent.handle(.opened, now: 5.3)) == ["return"])
        let steps = agent.handle(.received(.admitted(3, detectionBudget: 2)), now: 5.3)
        #expect(Self.words(steps) == ["send heartbeat"], "no second worker")
    }

    @Test("an agent asked to end without a coordinator looks for one a little longer")
    func departureWithoutCoordinator() {
        for isAskedFirst in [true, false] {
            var agent = Self.admitted()
            let request = AgentSession.Local.departure(reason: "the node was asked to end")
            if isAskedFirst {
                #expect(Self.words(agent.handle(.local(request), now: 4)).count == 1)
            }
            #expect(Self.words(agent.handle(.closed(reason: "reset"), now: 5)) == [])
            if !isAskedFirst { #expect(Self.words(agent.handle(.local(request), now: 5)) == []) }
            var (now, words) = (Seconds(5), [String]())
            while !words.contains("end"), now < 100 {
                now = agent.nextWake
                words += Self.words(agent.handle(.wake, now: now))
                if words.last == "connect" {
                    _ = agent.handle(.closed(reason: "refused"), now: now)
                }
            }
            #expect(words.suffix(2) == ["do killWorkers", "end"])
            #expect(now == 11, "three budgets")
        }
    }

    @Test("an agent that never joined ends at once when it is asked to")
    func departureBeforeAdmission() {
        var agent = AgentSession(hello: SessionHello(node: 3, pid: 7), now: 0)
        let request = AgentSession.Local.departure(reason: "the node was asked to end")
        #expect(Self.words(agent.handle(.local(request), now: 1)) == ["do killWorkers", "end"])
    }

    @Test(
        "an agent that finds no coordinator again ends its worker and itself when its wait is over",
        arguments: [60, ClusterSpecification.defaultCoordinatorWait]
    )
    func agentGivesUp(wait: Seconds) {
        var agent = Self.admitted(wait: wait)
        var now = Seconds(5)
        var attempts = 0
        var said = Self.words(agent.handle(.closed(reason: "reset"), now: now))
        while said.last?.hasPrefix("fail") != true, now < 1000 {
            now = agent.nextWake
            said = Self.words(agent.handle(.wake, now: now))
            if said == ["connect"] {
                attempts += 1
                said = Self.words(agent.handle(.closed(reason: "no"), now: now))
            }
        }
        #expect(said == ["do killWorkers", "fail 75"])
        #expect(now == 5 + wait)
        // Often enough for a coordinator that comes soon, and not 20 times a second for ever.
        #expect(attempts > 4 * Int(wait.value) / 2 && attempts < 8 * Int(wait.value))
    }

    @Test("who is refused for good ends at once, and does not look for another coordinator")
    func refusedForGood() {
        let refusal = OobleckError(.usage, "does not take this token")
        var first = AgentSession(hello: SessionHello(node: 3, pid: 7), now: 0)
        let end = ["do killWorkers", "fail 64"]
        #expect(Self.words(first.handle(.refused(refusal), now: 0)) == end)
        var agent = Self.admitted()
        #expect(Self.words(agent.handle(.refused(refusal), now: 5)) == end)
        #expect(agent.nextWake == Seconds(.infinity))
        var worker = WorkerSession(worker: 3, hello: SessionHello(node: 3, pid: 8), now: 0)
        #expect(Self.words(worker.handle(.refused(refusal), now: 0)) == ["fail 64"])
        #expect(worker.nextWake == Seconds(.infinity))
    }

    @Test("an agent that is refused or fenced after a return ends its worker at once")
    func agentRefused() {
        for instruction in [AgentInstruction.refused(reason: "out"), .fence(reason: "lost")] {
            var agent = Self.admitted()
            _ = agent.handle(.closed(reason: "reset"), now: 5)
            _ = agent.handle(.wake, now: 6)
            let said = Self.words(agent.handle(.received(instruction), now: 6))
            #expect(said == ["do killWorkers", "fail 75"])
            #expect(Self.words(agent.handle(.received(instruction), now: 6)) == [], "over is over")
        }
    }

    @Test(
        "a coordinator that was silent too long is heard no more where another may have taken over"
    )
    func silentCoordinator() {
        var lone = Self.admitted()
        #expect(Self.words(lone.handle(.received(.stop(reason: "done")), now: 20)).last == "end")
        var agent = Self.admitted(hasStandby: true)
        _ = agent.handle(.received(.heartbeat), now: 1)
        let said = Self.words(agent.handle(.received(.stop(reason: "done")), now: 3.5))
        #expect(said == ["disconnect"], "nothing that it says is done")
        var waiting = Self.admitted(hasStandby: true)
        #expect(Self.words(waiting.handle(.wake, now: 2.5)).first == "disconnect")
    }

    @Test("a worker's exit is reported if anybody listens, and ends the agent")
    func workerExit() {
        let exit = AgentSession.Local.workerExited(evidence: "signal 9", inOrder: false)
        var agent = Self.admitted()
        let said = Self.words(agent.handle(.local(exit), now: 1))
        #expect(said.count == 2 && said[0].contains("workerExited") && said[1] == "fail 75")
        var alone = Self.admitted()
        _ = alone.handle(.closed(reason: "reset"), now: 1)
        #expect(Self.words(alone.handle(.local(exit), now: 1)) == ["fail 75"])
    }

    @Test("a worker's hello after a return says what it holds, and what ended it is said again")
    func workerTestimony() {
        var worker = WorkerSession(worker: 3, hello: SessionHello(node: 3, pid: 7), now: 0)
        #expect(Self.words(worker.handle(.opened, now: 0)) == ["hello"])
        _ = worker.handle(.received(.welcome(3, detectionBudget: 2)), now: 0)
        _ = worker.handle(.local(.ready(corpusDigest: "c0ffee")), now: 0)
        _ = worker.handle(.closed(reason: "reset"), now: 1)
        let failure = WorkerMessage.failed(exitStatus: 65, message: "no corpus")
        #expect(Self.words(worker.handle(.local(failure), now: 1)) == [])
        _ = worker.handle(.wake, now: 2)
        guard case .hello(let hello) = worker.handle(.opened, now: 2).first else {
            Issue.record("no hello")
            return
        }
        #expect(hello.isReturning && hello.testimony?.corpusDigest == "c0ffee")
        let said = Self.words(worker.handle(.received(.welcome(3, detectionBudget: 2)), now: 2))
        #expect(said.contains { $0.contains("no corpus") })
    }
}
