import Foundation
import OobleckCore
import OobleckPlanning
import OobleckTestSupport
import Testing

@testable import OobleckArtifact

@Suite(.timeLimit(.minutes(10))) struct TemplateEvaluationTests {
    /// Few divisions are tried one by one: the tests are not optimised.
    private static let mostDivisions = 5000

    private static let whole = Result {
        var evaluation = TemplateEvaluation()
        evaluation.mostDivisions = mostDivisions
        return try evaluation.part(clock: { 0 })
    }

    @Test("the published profiles pass, and templates are listed as the artifact lists them")
    func published() throws {
        let part = try Self.whole.get()
        #expect(part.isPassed, "\(part.verdict)")
        #expect(part.checks.count == 12)
        let lines = part.lines { $0 }
        #expect(
            lines.contains(
                "    [template 0] 3 stages: [20.0 (8 layers)] [20.0 (8 layers)] [20.0 (8 layers)]"
            )
        )
        #expect(lines.count { $0.contains("[template 9] 12 stages: ") } == 2)
        #expect(lines.contains { $0.contains("8 (3 to 10 nodes)") })
        #expect(lines.contains { $0.contains("10 (3 to 12 nodes)") })
    }

    @Test("the profiles in Examples/artifact are those that are planned for", arguments: [0, 1])
    func files(index: Int) throws {
        let profile = PublishedProfiles.all[index]
        let path = Checkout.path + "/Examples/artifact/\(profile.model).json"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(try JSONDecoder().decode(ModelProfile.self, from: data) == profile)
        try profile.validate()
        let times = profile.layers.map { ($0.forward + $0.backward).value }
        #expect(times.allSatisfy { (0...5).contains($0) })
        #expect(times.count == [24, 32][index])
    }

    /// Templates of the equal layers, with a change.
    private func templates(
        _ change: (inout [PipelineTemplate]) -> Void = { _ in }
    ) throws -> GeneratedTemplates {
        let generator = try TemplateGenerator(profile: PublishedProfiles.equal)
        func set(_ maximum: Int) throws -> TemplateSet {
            try generator.templates(
                nodes: 13,
                faultTolerance: 1,
                sizes: TemplateSizes(minimumNodes: 3, maximumNodes: maximum)
            )
        }
        let artifact = try set(12)
        var changed = artifact.templates
        change(&changed)
        return GeneratedTemplates(
            profile: PublishedProfiles.equal,
            paper: try set(10),
            artifact: TemplateSet(
                templates: changed,
                minimumNodes: artifact.minimumNodes,
                guarantee: artifact.guarantee
            ),
            mostDivisions: Self.mostDivisions
        )
    }

    private func shortfalls(_ templates: GeneratedTemplates) -> [String] {
        templates.checks.filter { !$0.isMet }.map { "\($0.claim): \($0.found)" }
    }

    @Test("a template that is missing falls short")
    func missing() throws {
        let short = shortfalls(try templates { $0.removeLast() })
        #expect(short.count == 1)
        #expect(short.first?.contains("9, of 3 to 11 nodes") == true)
    }

    @Test("a stage with a layer too many is seen: less balanced, greater T, another template")
    func unbalanced() throws {
        let short = shortfalls(
            try templates { templates in
                var stages = templates[0].stages
                stages[0].endLayer += 1
                stages[1].firstLayer += 1
                stages[0].forward = 9
                stages[0].backward = 13.5
                stages[1].forward = 7
                stages[1].backward = 10.5
                templates[0].stages = stages
                templates[0].iteration = templates[0].iterationTime(costModel: .sosp23)
            }
        )
        #expect(short.contains { $0.contains("balanced") && $0.contains("12.5 %") })
        #expect(short.contains { $0.contains("3 nodes: T is") })
        #expect(short.contains { $0.contains("3 nodes differ") })
        #expect(short.count == 3)
    }

    @Test("a gap between stages, a layer too few and a wrong time are no divisions")
    func noDivision() throws {
        let gap = try templates { $0[0].stages[1].firstLayer += 1 }
        #expect(shortfalls(gap).contains { $0.contains("stage 1 does not follow on") })
        let cut = try templates { $0[0].stages[2].endLayer -= 1 }
        #expect(shortfalls(cut).contains { $0.contains("its layers take 17.5 s") })
        let fast = try templates { $0[9].stages[3].forward = 1 }
        #expect(shortfalls(fast).contains { $0.contains("12 nodes: stage 3 is said to take") })
        let short = try templates { $0[9].stages.removeLast() }
        #expect(shortfalls(short).contains { $0.contains("12 nodes: 11 stages, 22 layers") })
    }

    @Test("a T that is too small falls short, too")
    func tooFast() throws {
        let short = shortfalls(try templates { $0[4].iteration = 1 })
        #expect(short.contains { $0.contains("7 nodes: T is 1.0 s, not 320.0 s") })
    }
}
