import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Links that are cut while everybody reaches the coordinator", .timeLimit(.minutes(5)))
struct CutTests {
    /// The groups of the generation at hand do not form between these pairs; returns what follows.
    private func fail(
        _ bench: inout CoordinatorBench,
        _ pairs: [(NodeID, NodeID)]
    ) -> [CoordinatorDirective] {
        var unreached: [NodeID: [NodeID]] = [:]
        for (one, other) in pairs {
            unreached[one, default: []].append(other)
            unreached[other, default: []].append(one)
        }
        var all: [CoordinatorDirective] = []
        for (node, others) in unreached.sorted(by: { $0.key < $1.key }) {
            let message = WorkerMessage.faulted(
                generation: bench.generation,
                message: "the group did not form in time",
                FaultFindings(unreached: others)
            )
            all += bench.say(node, message)
        }
        return all + bench.wait(Self.patience)
    }

    /// Long enough for a group that does not form to be given up.
    private static let patience = 1.75

    @Test(
        "after two generations that fail at one link one of its two nodes is put out, and it goes on"
    )
    func pair() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.say(0, .faulted(generation: bench.generation, message: "timed out"))
        bench.wait(0.5)
        #expect(fail(&bench, [(0, 2)]).fenced == [])
        let said = fail(&bench, [(0, 2)])
        #expect(said.stopError == nil)
        #expect(said.fenced.count == 1 && [0, 2].contains(said.fenced[0]))
        #expect(said.events(.nodeLost).first?.message.contains("not each other") == true)
        bench.prepareAll()
        bench.resumeAll()
        #expect(bench.voteAll().commits.count == 3)
    }

    @Test("those who reach everybody say so at once; who does not is still heard a second later")
    func late() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.say(0, .faulted(generation: bench.generation, message: "timed out"))
        bench.wait(0.5)
        for round in 0..<2 {
            let message = "the group did not form in time"
            bench.say(1, .faulted(generation: bench.generation, message: message))
            bench.wait(1.1)
            let said = fail(&bench, [(0, 2)])
            #expect(said.stopError == nil)
            #expect(said.fenced.count == round)
        }
    }

    @Test("the node that most others do not reach is put out")
    func mostNamed() throws {
        var bench = try CoordinatorBench.training(nodes: 5)
        bench.voteAll()
        for round in 0..<2 {
            let said = fail(&bench, [(0, 3), (1, 3), (0, 1), (2, 3)])
            #expect(said.fenced == (round == 0 ? [] : [3]))
            if round == 0 { bench.resumeAll() }
        }
    }

    @Test("of two the one whose loss leaves every layer with a holder goes, whatever its number")
    func lastHolder() throws {
        // Two pairs; then one of a pair dies, and its partner's part has one other holder left.
        var bench = try CoordinatorBench.training(nodes: 4, faultTolerance: 1)
        bench.voteAll()
        let pipelines = try #require(bench.plan?.plan.pipelines)
        let holders = { (layer: Int) in bench.nodes.filter { bench.layers(of: $0).contains(layer) }
        }
        let last = pipelines[1].nodes[1]
        let twin = try #require(holders(5).first { $0 != last })
        bench.tell(.nodeLost(last, evidence: "killed"))
        // Three nodes, one pipeline of three: each layer was held by two until the loss; the twin has
        // the only copies of the last half.
        let other = try #require(bench.nodes.first { $0 != twin })
        _ = fail(&bench, [(twin, other)])
        let said = fail(&bench, [(twin, other)])
        #expect(said.fenced == [other])
        #expect(said.stopError == nil)
    }

    @Test("a link that is cut once is no reason, nor at another step")
    func healed() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        for _ in 0..<4 {
            bench.voteAll()
            #expect(fail(&bench, [(0, 2)]).fenced == [])
            bench.prepareAll()
            bench.resumeAll()
        }
        #expect(bench.step == 4)
    }
}
