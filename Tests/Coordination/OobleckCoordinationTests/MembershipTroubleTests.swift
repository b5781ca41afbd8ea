import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Joins in storms, returns from the dead, and who is let in", .timeLimit(.minutes(5)))
struct MembershipTroubleTests {
    @Test("twenty nodes that join one after the other cost a few reconfigurations, and all work")
    func storm() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 1000)
        let before = bench.generation.rawValue
        for _ in 0..<20 {
            try bench.join()
            for _ in 0..<3 {
                bench.now += 0.05
                bench.voteAll()
                if bench.phase == .reconfiguring {
                    bench.prepareAll()
                    bench.resumeAll()
                }
            }
        }
        for _ in 0..<8 {
            bench.now += 0.05
            bench.voteAll()
            if bench.phase == .reconfiguring {
                bench.prepareAll()
                bench.resumeAll()
            }
        }
        #expect(bench.generation.rawValue - before <= 3)
        #expect(bench.coordinator.status(now: 0).nodes.count { $0.state == .healthy } == 24)
        // More nodes than microbatches for their pipelines may stay idle; most work.
        #expect(bench.nodes.count >= 16)
        #expect(bench.coordinator.result(stateSHA256: "").samplesRepeated == 0)
    }

    @Test("a node that dies every two seconds has to stay away twice as long each time")
    func backOff() {
        var quarantine = Quarantine(budget: 2)
        var now = 100.0
        var absences: [Double] = []
        for _ in 0..<6 {
            quarantine.noteJoin(of: "spot-1", now: Seconds(now))
            now += 2
            quarantine.noteDeath(of: "spot-1", now: Seconds(now))
            let death = now
            while quarantine.refusal(of: "spot-1", now: Seconds(now)) != nil { now += 0.25 }
            absences.append(now - death)
        }
        #expect(absences == [0, 4, 8, 16, 32, 64])
        #expect(quarantine.refusal(of: "spot-2", now: Seconds(now)) == nil)
        let left = quarantine.refusal(of: "spot-1", now: Seconds(now - 1.5))
        #expect(left == "node spot-1 has died 6 times; it may join again in 1.5 s")
    }

    @Test("a node that lived long enough is trusted again, and one without a name always")
    func forgiven() {
        var quarantine = Quarantine(budget: 2)
        for time in [0.0, 10] {
            quarantine.noteJoin(of: "a", now: Seconds(time))
            quarantine.noteDeath(of: "a", now: Seconds(time + 1))
        }
        #expect(quarantine.refusal(of: "a", now: 12) != nil)
        quarantine.noteJoin(of: "a", now: 20)
        quarantine.noteDeath(of: "a", now: 100)
        #expect(quarantine.refusal(of: "a", now: 100) == nil)
        for time in 0..<9 { quarantine.noteDeath(of: "", now: Seconds(Double(time))) }
        #expect(quarantine.refusal(of: "", now: 9) == nil)
    }

    @Test("the coordinator refuses a node in quarantine by name, whatever its number")
    func refused() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        for round in 0..<2 {
            let node = try bench.coordinator.admit(
                requested: nil,
                name: "spot",
                now: Seconds(bench.now)
            )
            bench.tell(.agentJoined(node, agentPID: 1))
            bench.now += 2
            bench.tell(.nodeLost(node, evidence: "killed"))
            #expect(node == NodeID(4 + round))
        }
        let error = #expect(throws: OobleckError.self) {
            try bench.coordinator.admit(requested: nil, name: "spot", now: Seconds(bench.now))
        }
        #expect(error?.message.contains("may join again in 4.0 s") == true)
        #expect(try bench.coordinator.admit(requested: nil, name: "other", now: 0) == 6)
        #expect(bench.tell(.agentHeard(0)).events(.refused).count == 1)
    }

    @Test("another protocol, another version or too few files are refused in one line with a cure")
    func handshake() {
        let handshake = Handshake(nodes: 6)
        func refusal(_ change: (inout SessionHello) -> Void) -> String? {
            var hello = SessionHello(
                node: 0,
                pid: 1,
                nodeName: "n",
                programVersion: programVersion,
                openFileLimit: 1024
            )
            change(&hello)
            return handshake.misfit(of: hello)?.reason
        }
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.openFileLimit = 0 } == nil)
        #expect(refusal { $0.protocolVersion = 9 }?.contains("version 9") == true)
        #expect(refusal { $0.programVersion = "7.1" }?.contains("version 7.1") == true)
        let files = refusal { $0.openFileLimit = 64 }
        #expect(files?.hasSuffix("a node of 6 needs 112; raise its limit (ulimit -n 112)") == true)
    }

    @Test("a node with another model or other initial weights ends the set-up, and later stays out")
    func model() throws {
        func join(_ bench: inout CoordinatorBench, _ model: String) throws -> NodeID {
            let node = try bench.join(becomesReady: false)
            bench.say(node, .ready(corpusDigest: "c0ffee", modelDigest: model))
            return node
        }
        var starting = try CoordinatorBench(nodes: 2)
        _ = try join(&starting, "aa")
        _ = try join(&starting, "bb")
        #expect(starting.last.stopError?.code == .inputData)
        #expect(starting.last.stopError?.message.contains("initial weights") == true)
        var bench = try CoordinatorBench(nodes: 2)
        for _ in 0..<2 { _ = try join(&bench, "aa") }
        bench.prepareAll()
        bench.resumeAll()
        let node = try join(&bench, "bb")
        #expect(bench.last.fenced == [node])
    }
}
