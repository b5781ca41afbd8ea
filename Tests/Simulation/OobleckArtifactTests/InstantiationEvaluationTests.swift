import OobleckCore
import OobleckPlanning
import Testing

@testable import OobleckArtifact

@Suite(.timeLimit(.minutes(10))) struct InstantiationEvaluationTests {
    private static let setting = InstantiationEvaluation.Setting(
        nodes: 13,
        faultTolerance: 1,
        microbatches: 512
    )

    @Test("the smaller settings pass, all nodes and microbatches are placed")
    func published() throws {
        var evaluation = InstantiationEvaluation()
        #expect(evaluation.settings.count == 12)
        evaluation.settings = evaluation.settings.filter {
            $0.microbatches == 512 && $0.nodes < 21
        }
        let part = try evaluation.part(clock: { 0 })
        #expect(part.isPassed, "\(part.verdict)")
        #expect(part.checks.count == 14)
        let lines = part.lines { $0 }
        #expect(
            lines.contains { $0.contains("[template ID 1 - 4 nodes]: 4 instances (total 16 nodes") }
        )
        #expect(lines.contains { $0.contains("number of nodes used: 16 (expected: 16)") })
        #expect(lines.contains { $0.contains("number of microbatches: 512 (expected: 512)") })
    }

    private func plans(
        _ change: (inout PlanDocument) -> Void = { _ in },
        choices: [(nodes: Int, choice: PlanChoice?)]? = nil
    ) throws -> InstantiatedPlans {
        let plans = try InstantiatedPlans(PublishedProfiles.random, Self.setting)
        var document = plans.document
        change(&document)
        return InstantiatedPlans(
            setting: Self.setting,
            profile: PublishedProfiles.random,
            document: document,
            choices: choices ?? plans.choices
        )
    }

    private func shortfalls(_ plans: InstantiatedPlans) -> [String] {
        InstantiatedPlans.checks([plans]).filter { !$0.isMet }.map { "\($0.claim): \($0.found)" }
    }

    @Test("a node without work, or with two pipelines, falls short")
    func nodes() throws {
        #expect(shortfalls(try plans()).isEmpty)
        let twice = try plans { $0.plan.pipelines[0].nodes[0] = 12 }
        #expect(shortfalls(twice).contains { $0.contains("12 of 13 nodes used") })
        let idle = try plans { $0.idleNodes = [13] }
        #expect(shortfalls(idle).contains { $0.contains("1 idle") })
    }

    @Test("too few pipelines, and sizes without a template, fall short")
    func copies() throws {
        let alone = try plans { $0.plan.pipelines.removeLast(2) }
        #expect(shortfalls(alone).contains { $0.contains("1 pipeline") })
        let strange = try plans { $0.plan.pipelines[0].templateNodes = 2 }
        #expect(shortfalls(strange).contains { $0.contains("no template of 2 nodes") })
    }

    @Test("lost microbatches, and none at all for a pipeline, fall short")
    func batch() throws {
        let lost = try plans { $0.plan.pipelines[0].microbatches -= 1 }
        #expect(shortfalls(lost).contains { $0.contains("511 microbatches in all") })
        let none = try plans { document in
            document.plan.pipelines[1].microbatches += document.plan.pipelines[0].microbatches
            document.plan.pipelines[0].microbatches = 0
        }
        #expect(shortfalls(none).contains { $0.contains("0 at least") })
    }

    @Test("a batch that is distributed worse falls short: apart, movable, slower")
    func distribution() throws {
        let worse = try plans { document in
            document.plan.pipelines[0].microbatches -= 10
            document.plan.pipelines[1].microbatches += 10
        }
        let short = shortfalls(worse)
        #expect(short.contains { $0.contains("within 5.0 % of each other") })
        #expect(short.contains { $0.contains("has room for one more") })
    }

    @Test("a plan with a longer step than another set of instances falls short")
    func slower() throws {
        let slow = try plans { $0.plan.stepTime = 1.001 * $0.plan.stepTime }
        #expect(shortfalls(slow).contains { $0.contains("no other set of instances") })
    }

    @Test("a number of nodes without a plan, or with idle nodes, falls short")
    func counts() throws {
        let whole = try plans()
        #expect(whole.choices.map(\.nodes) == Array(6...13))
        #expect(InstantiatedPlans.countChecks([whole]).map(\.isMet) == [true])
        let missing = try plans(choices: [(6, nil)])
        #expect(InstantiatedPlans.countChecks([missing])[0].found.contains("6 left: no plan"))
        let wrong = try plans(choices: [(7, whole.choices[0].choice)])
        #expect(InstantiatedPlans.countChecks([wrong])[0].found.contains("7 left: 6 nodes used"))
        let none = try plans(choices: [])
        #expect(!InstantiatedPlans.countChecks([none])[0].isMet)
    }
}
