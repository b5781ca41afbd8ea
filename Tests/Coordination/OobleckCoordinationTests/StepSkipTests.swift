import Foundation
import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Steps whose numbers are not finite", .timeLimit(.minutes(5))) struct StepSkipTests {
    /// All nodes vote, one of them with findings of its own; returns all that follows.
    private func vote(
        _ bench: inout CoordinatorBench,
        spoil: (inout StepVote) -> Void = { _ in }
    ) -> [CoordinatorDirective] {
        let nodes = bench.nodes
        let last = nodes.last { bench.layers(of: $0).contains(ToyModel.layerCount - 1) }
        let votes = nodes.map { node in
            var vote = bench.vote(node)
            if node == last { spoil(&vote) }
            return (node, vote)
        }
        return votes.flatMap { bench.say($0.0, .vote($0.1)) }
    }

    private func recorded(_ directives: [CoordinatorDirective]) -> CommittedStep? {
        for case .record(let step) in directives { return step }
        return nil
    }

    @Test("a loss that is no number skips the step for all, uses its samples, and is recorded")
    func loss() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        let directives = vote(&bench) { $0.losses[$0.losses.keys.sorted()[0]] = .nan }
        #expect(directives.commits.map(\.skips) == [true, true, true, true])
        #expect(directives.commits.allSatisfy { $0.gradientFactor == 1 })
        let record = try #require(recorded(directives))
        #expect(record.step == 0 && record.loss.isNaN && record.endSample == 32)
        #expect(record.skipped == "loss nan, gradient norm 0.24494897427831783")
        #expect(directives.events(.skipped).count == 1)
        let next = vote(&bench)
        #expect(next.commits.map(\.skips) == [false, false, false, false])
        #expect(recorded(next)?.firstSample == 32)
        #expect(bench.coordinator.status(now: 0).loss == 2)
    }

    @Test("messages show numbers that are not finite plainly, and the count of the limit")
    func messages() throws {
        // A quiet NaN as arithmetic leaves it behind, with a payload.
        let odd = Double(bitPattern: 0x7FF8_0000_3FFF_FE00)
        var bench = try CoordinatorBench.training(nodes: 4)
        let directives = vote(&bench) { $0.losses[$0.losses.keys.sorted()[0]] = odd }
        let skipped = try #require(directives.events(.skipped).first)
        #expect(
            skipped.message.hasSuffix(
                "loss nan, gradient norm 0.24494897427831783; "
                    + "1 of the 5 in a row that end the run (skip_limit)"
            ),
            "\(skipped.message)"
        )
        let committed = try #require(directives.events(.committed).first)
        #expect(committed.message == "step 0 committed without an update: loss nan")
        for (value, text) in [(Double.infinity, "inf"), (-.infinity, "-inf"), (-odd, "nan")] {
            #expect(numberForPeople(value) == text)
        }
    }

    @Test("where every step was skipped, no loss is known")
    func unknownLoss() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        _ = vote(&bench) { $0.losses[$0.losses.keys.sorted()[0]] = .nan }
        #expect(bench.coordinator.status(now: 0).loss == nil)
        let result = bench.coordinator.result(stateSHA256: "")
        #expect(result.finalLoss == nil)
        let text = String(decoding: try JSONEncoder().encode(result), as: UTF8.self)
        #expect(text.contains("\"final_loss\":null"))
        #expect(try JSONDecoder().decode(RunResult.self, from: Data(text.utf8)) == result)
    }

    @Test("an output comes before a gradient, the first output and the last gradient before others")
    func origin() throws {
        func reason(_ findings: NonFiniteLayers) throws -> String? {
            var bench = try CoordinatorBench.training(nodes: 4)
            return recorded(vote(&bench) { $0.nonFinite = findings })?.skipped
        }
        let outputs = NonFiniteLayers(outputs: [4, 2], gradients: [5, 3])
        #expect(try reason(outputs) == "the output of layer 2 (layer2) is not finite")
        let gradients = NonFiniteLayers(gradients: [0, 3, 1])
        let what = "the gradient of layer 3 (layer3) is not finite or too large"
        #expect(try reason(gradients) == what)
        #expect(try reason(NonFiniteLayers()) == nil)
    }

    @Test("the fifth such step in a row ends the run with step and layer; one between starts anew")
    func diverged() throws {
        let findings = NonFiniteLayers(outputs: [3])
        var bench = try CoordinatorBench.training(nodes: 4, steps: 40)
        for _ in 0..<4 { #expect(vote(&bench) { $0.nonFinite = findings }.commits.count == 4) }
        #expect(vote(&bench).commits.allSatisfy { !$0.skips })
        for _ in 0..<4 { #expect(vote(&bench) { $0.nonFinite = findings }.commits.count == 4) }
        let end = vote(&bench) { $0.nonFinite = findings }
        #expect(end.commits == [])
        #expect(end.stopError?.code == .inputData)
        let message = end.stopError?.message ?? ""
        #expect(message.contains("5 steps in a row, up to step 9"), "\(message)")
        #expect(message.contains("layer 3 (layer3)"), "\(message)")
        #expect(bench.step == 9)
    }

    @Test("the next coordinator knows the count, also after a return to a checkpoint")
    func durableCount() {
        func step(_ number: Int, _ skipped: String? = "nan") -> DurableChange {
            .committed(
                CommittedStep(
                    step: number,
                    generation: 0,
                    firstSample: 0,
                    endSample: 8,
                    loss: .nan,
                    gradientNorm: 1,
                    skipped: skipped
                )
            )
        }
        var state = DurableState()
        for number in 0..<3 { state.apply(step(number)) }
        #expect(state.skippedInARow == 3)
        state.apply(step(3, CommittedStep.withoutTargets))
        #expect(state.skippedInARow == 3)
        state.apply(step(4, nil))
        #expect(state.skippedInARow == nil)
        for number in 5..<9 { state.apply(step(number)) }
        let restored = RestoredRun(step: 7, generation: 1, stateSHA256: "")
        state.apply(.restored(restored, RestoreRecord(recounting: restored, from: 9)))
        #expect(state.skippedInARow == 2)
        state.apply(step(7))
        #expect(state.skippedInARow == 3)
        // After a loss of power the ledger may lack the newest steps.
        state.apply(.recounted(RecordedHistory(restored: restored), from: 8))
        #expect(state.skippedInARow == 2)
    }

    @Test("the count goes on over the loss of a node: the step is redone with the same numbers")
    func lossOfANode() throws {
        let findings = NonFiniteLayers(gradients: [1])
        var bench = try CoordinatorBench.training(nodes: 6, steps: 40)
        for step in 0..<4 {
            _ = vote(&bench) { $0.nonFinite = findings }
            guard step == 1 else { continue }
            bench.tell(.nodeLost(5, evidence: "killed"))
            bench.prepareAll()
            bench.resumeAll()
        }
        #expect(vote(&bench) { $0.nonFinite = findings }.stopError?.code == .inputData)
    }
}
