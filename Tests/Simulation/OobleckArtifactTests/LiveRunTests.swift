import OobleckCore
import OobleckReconfiguration
import Testing

@testable import OobleckArtifact

@Suite(.timeLimit(.minutes(10))) struct LiveRunTests {
    private static let digest = String(repeating: "ab", count: 32)

    private static let reference = LiveRun(
        title: "one process",
        path: "runs/reference",
        losses: [5, 4.5, 4.25],
        stateSHA256: digest,
        samples: 96
    )

    /// A plan of 2 + 3 nodes, and what comes of it when nodes are lost one after the other.
    private func plans(
        losing lost: [NodeID]
    ) throws -> [(document: PlanDocument, lost: [NodeID])] {
        let profile = PublishedProfiles.equal
        var document = try PublishedReconfiguration.plan(profile: profile, microbatches: 16)
        document.plan.pipelines.removeLast(2)
        document.plan.pipelines[0].microbatches = 6
        document.plan.pipelines[1].microbatches = 10
        var plans: [(document: PlanDocument, lost: [NodeID])] = [(document, [])]
        for node in lost {
            let next = try Replanner(document, profile: profile).replan(
                losing: [node],
                policy: .sosp23
            )
            plans.append((next, [node]))
            document = next
        }
        return plans
    }

    private func run(
        _ lost: [NodeID],
        _ change: (inout LiveRun) -> Void = { _ in }
    ) throws -> LiveRun {
        var run = Self.reference
        run.title = "5 nodes"
        run.plans = try plans(losing: lost)
        run.failures = lost.count
        run.recoverySeconds = lost.map { _ in 0.1 }
        change(&run)
        return run
    }

    private func shortfalls(_ runs: [LiveRun]) -> [String] {
        ReconfigurationEvaluation.liveChecks(runs, Self.reference).filter { !$0.isMet }
            .map { "\($0.claim): \($0.found)" }
    }

    @Test("runs that show all rules and end alike pass")
    func same() throws {
        // Of three: reinstantiate; of two: borrow; of two beside two: merge.
        let runs = [try run([4, 3]), try run([1])]
        #expect(runs[0].transitions.map(\.rules) == [["reinstantiate"], ["merge"]])
        #expect(runs[1].transitions.map(\.rules) == [["borrow"]])
        #expect(shortfalls(runs).isEmpty)
        let part = try ReconfigurationEvaluation().part(live: runs, reference: Self.reference)
        #expect(part.isPassed && part.checks.count == 18, "\(part.verdict)")
    }

    @Test("a rule that is not shown, and no runs at all, fall short")
    func missingRule() throws {
        #expect(shortfalls([try run([1])]).contains { $0.hasSuffix(": borrow") })
        #expect(shortfalls([]).count == 6)
    }

    @Test("another digest, another loss and other samples fall short")
    func different() throws {
        let runs = [try run([4, 3]), try run([1])]
        func broken(_ change: (inout LiveRun) -> Void) -> [String] {
            var changed = runs
            change(&changed[1])
            return shortfalls(changed)
        }
        let digest = broken { $0.stateSHA256 = String(repeating: "cd", count: 32) }
        #expect(digest.count == 1 && digest[0].contains("cdcdcdcdcdcdcdcd, not abababababababab"))
        let loss = broken { $0.losses[1] = 4.5.nextUp }
        #expect(loss.count == 1 && loss[0].contains("step 1:"))
        #expect(broken { $0.losses.removeLast() }[0].contains("2 steps, not 3"))
        #expect(broken { $0.samples = 95 }[0].contains("95 samples, not 96"))
        #expect(broken { $0.wrongSamples = 1 }[0].contains("1 sample lost or repeated"))
        #expect(broken { $0.violations = ["ledger.jsonl:3: torn"] }[0].contains("ledger.jsonl:3"))
    }

    @Test("a kill that nobody noticed, and a return to a checkpoint, fall short")
    func unnoticed() throws {
        func broken(_ change: (inout LiveRun) -> Void) throws -> [String] {
            shortfalls([try run([4, 3]), try run([1], change)])
        }
        #expect(try broken { $0.failures = 0 }.first?.contains("3 killed, 2 noticed") == true)
        #expect(try broken { $0.recoverySeconds = [] }.first?.contains("2 recoveries") == true)
        #expect(try broken { $0.restores = 1 }.first?.contains("1 return ") == true)
        let other = try broken { run in
            // As if a node had been left out.
            run.plans[1].document.plan.pipelines.removeLast()
        }
        #expect(other.contains { $0.contains("the rules give [2, 2]") })
    }

    @Test("hybrid runs are compared with one process, and must have the pipelines that they should")
    func hybrid() throws {
        let right = HybridEvaluation.part(
            runs: [(try run([]), [3, 2])],
            reference: Self.reference
        )
        #expect(right.isPassed, "\(right.verdict)")
        #expect(right.lines { $0 }.contains { $0.contains("node 1: layers 12-23") })
        let wrong = HybridEvaluation.part(
            runs: [(try run([]), [2, 2])],
            reference: Self.reference
        )
        #expect(wrong.verdict.contains("5 nodes trained as [[2, 3]]"))
        let changed = HybridEvaluation.part(
            runs: [(try run([4]), [2, 3])],
            reference: Self.reference
        )
        #expect(!changed.isPassed)
        let none = HybridEvaluation.part(runs: [], reference: nil, failure: "no worker program")
        #expect(none.verdict.contains("no worker program"))
        #expect(!HybridEvaluation.part(runs: [], reference: Self.reference).isPassed)
    }
}
