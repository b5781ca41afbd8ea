import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorDeadlineTests {
    @Test("silence makes a node suspect after half the budget and lost before all of it is over")
    func silence() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        #expect(bench.wait(1, silentWorkers: [2]).events(.suspicion) == [])
        #expect(bench.wait(0.25, silentWorkers: [2]).events(.suspicion).map(\.node) == [2])
        #expect(bench.coordinator.status(now: Seconds(bench.now)).nodes[2].state == .suspect)
        #expect(bench.wait(0.5, silentWorkers: [2]).fenced == [])
        let directives = bench.wait(0.25, silentWorkers: [2])
        #expect(directives.fenced == [2])
        let message = directives.events(.nodeLost).first?.message
        #expect(message == "node 2 is lost: no sign of life from worker for 2.0 s")
        bench.prepareAll()
        #expect(bench.resumeAll().recoveries.first?.detect == 2)
    }

    @Test("a suspect that is heard of again is healthy again")
    func relief() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.wait(1.5, silentWorkers: [1])
        bench.wait(0.25)
        #expect(bench.coordinator.status(now: Seconds(bench.now)).nodes[1].state == .healthy)
        #expect(bench.wait(5).fenced == [])
    }

    @Test("a silent agent takes its node out although the worker is heard of")
    func silentAgent() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        #expect(bench.wait(2.25, silentAgents: [0]).fenced == [0])
    }

    @Test("a worker may be silent while it gets ready, but not for ever")
    func slowStart() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        let node = try bench.join(becomesReady: false)
        var all: [CoordinatorDirective] = []
        for _ in 0..<39 { all += bench.wait(1, silentWorkers: [node]) }
        #expect(all.fenced == [])
        #expect(bench.wait(1.5, silentWorkers: [node]).fenced == [node])
    }

    @Test("a coordinator that was itself away takes nobody for dead")
    func ownAbsence() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.wait(1)
        bench.now += 30
        #expect(bench.tell(.tick).fenced == [])
        #expect(bench.wait(1.5).fenced == [])
        #expect(bench.wait(2.5, silentWorkers: [1]).fenced == [1])
    }

    @Test("a coordinator that was away before its first tick takes nobody for dead either")
    func ownAbsenceBeforeTheFirstTick() throws {
        // Found by simulation: it stood still for 4 s before it could tick once.
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.now += 4
        #expect(bench.tell(.tick).fenced == [])
        #expect(bench.wait(1.5).fenced == [])
        #expect(bench.wait(2.5, silentWorkers: [1]).fenced == [1])
    }

    @Test("after a false alarm nothing happens for a moment, then the same nodes try again")
    func falseAlarm() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.wait(0.25)
        #expect(bench.say(0, .faulted(generation: 0, message: "closed")).sent.isEmpty)
        // Even complete votes do not commit a step under suspicion.
        #expect(bench.voteAll().sent.isEmpty)
        let directives = bench.wait(0.25)
        #expect(directives.aborted == [0, 1])
        #expect(directives.reconfigured == [0, 1])
        #expect(bench.generation == 1)
        bench.prepareAll()
        #expect(bench.resumeAll().recoveries == [])
        #expect(bench.voteAll().commits.map(\.step) == [0, 0])
        #expect(bench.say(0, .faulted(generation: 0, message: "late")) == [])
    }

    @Test("the fourth alarm at one step ends the run, one at another step does not")
    func alarmsWithoutEnd() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        for round in 0..<4 {
            bench.say(0, .faulted(generation: bench.generation, message: "closed"))
            let directives = bench.wait(0.5)
            #expect((directives.stopError?.code == .internalFault) == (round == 3))
            if round == 3 { #expect(directives.stopError?.message.contains("closed") == true) }
            if round < 3 { bench.prepareAll() }
        }
        var moving = try CoordinatorBench.training(nodes: 2)
        for _ in 0..<8 {
            moving.say(0, .faulted(generation: moving.generation, message: "closed"))
            #expect(moving.wait(0.5).stopError == nil)
            moving.prepareAll()
            moving.voteAll()
        }
    }

    @Test("alarms are counted anew after a loss: it explains those before")
    func alarmsAroundALoss() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        for round in 0..<6 {
            if round == 3 {
                bench.tell(.nodeLost(3, evidence: "killed"))
                bench.prepareAll()
            }
            bench.say(0, .faulted(generation: bench.generation, message: "closed"))
            #expect(bench.wait(0.5).stopError == nil)
            bench.prepareAll()
        }
        #expect(bench.voteAll().commits.count == 3)
    }

    @Test("an alarm waits for a silent node: it is dead, or it is heard of")
    func alarmAndSilence() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.wait(0.25)
        bench.say(0, .faulted(generation: 0, message: "closed"))
        #expect(bench.wait(1.75, silentWorkers: [3], silentAgents: [3]).reconfigured == [])
        let directives = bench.wait(0.5, silentWorkers: [3], silentAgents: [3])
        #expect(directives.fenced == [3])
        #expect(directives.reconfigured == [0, 1, 2])
        bench.prepareAll()
        // First sign: the last time it was heard of, before the alarm.
        #expect(bench.resumeAll().recoveries.first?.detect == 2)
    }

    @Test("an alarm is the first sign of a loss that is proved later")
    func alarmThenProof() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.say(0, .faulted(generation: 0, message: "closed"))
        bench.now = 0.125
        bench.tell(.nodeLost(3, evidence: "stream ended"))
        bench.prepareAll()
        let record = bench.resumeAll().recoveries.first
        #expect(record?.detect == 0.125)
        #expect(bench.wait(1).reconfigured == [])
    }

    @Test("who does not prepare in time is out: at once if silent, later if only stuck")
    func stuckPreparation() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.tell(.nodeLost(0, evidence: "killed"))
        let stuck = bench.nodes[0]
        bench.prepareAll(Array(bench.nodes.dropFirst()))
        #expect(bench.wait(18).fenced == [])
        #expect(bench.wait(0.5).fenced == [stuck])
    }

    @Test("a plan that nobody can prepare is tried again, and then given up")
    func nobodyPrepares() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.voteAll()
        bench.say(0, .faulted(generation: 0, message: "closed"))
        var all: [CoordinatorDirective] = []
        for _ in 0..<10 { all += bench.wait(10) }
        #expect(all.fenced == [])
        #expect(all.stopError?.code == .internalFault)
        #expect(bench.generation == 3)
    }

    @Test("a step that nobody complains of is tried again when it takes too long")
    func stalledStep() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.say(0, .vote(bench.vote(0)))
        #expect(bench.wait(40).reconfigured == [])
        let directives = bench.wait(2)
        #expect(directives.reconfigured == [0, 1])
        #expect(directives.events(.warning).first?.message.contains("no vote from node 1") == true)
    }
}
