import Foundation
import OobleckReconfiguration
import OobleckValues
import OobleckWords
import Testing

@testable import OobleckPlanning

@Suite("A plan for people", .timeLimit(.minutes(10)))
struct PlanTextTests {
    private static let profile = ModelProfile(
        model: "ten",
        microbatchSize: 1,
        deviceMemory: 500,
        layers: (0..<10).map {
            LayerProfile(
                name: "layer \($0)",
                forward: 1,
                backward: 2,
                parameterBytes: 100,
                gradientBytes: 0
            )
        }
    )

    private func plan(nodes: Int, microbatches: Int = 24) throws -> PlanDocument {
        try Planner(profile: Self.profile)
            .untimedPlan(nodes: nodes, faultTolerance: 1, microbatches: microbatches)
    }

    private func expectWithin(_ width: Int, _ text: String) {
        for line in text.split(separator: "\n") {
            #expect(String(line).columns <= width, "\(line)")
        }
    }

    @Test("fits the width, and says nodes, cost model, guarantee and reason")
    func text() throws {
        let plan = try plan(nodes: 7)
        for width in [60, 80, 120] {
            let text = plan.formatted(.table(width: width))
            expectWithin(width, text)
            #expect(text.hasPrefix("plan of 7 nodes, generation 0, sosp23: step "))
            let flat = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(flat.contains("guarantee: with 4 to 7 nodes, any one may be lost at once"))
            #expect(flat.contains(plan.reason))
        }
    }

    @Test("lists every pipeline's nodes once")
    func pipelines() throws {
        let plan = try plan(nodes: 6)
        #expect(plan.kinds.reduce(0) { $0 + $1.pipelines.count } == plan.plan.pipelines.count)
        let microbatches = plan.kinds.reduce(0) { $0 + $1.microbatches * $1.pipelines.count }
        #expect(microbatches == 24)
        let nodes = plan.kinds.flatMap { $0.pipelines.flatMap(\.nodes) }.sorted()
        #expect(nodes == (0..<6).map { NodeID($0) })
    }

    /// With S equal stages and m microbatches, S - 1 of m + S - 1 rounds are idle at each stage.
    @Test("tells the bubble of equal stages as the closed form does", arguments: [1, 2, 5, 20])
    func bubble(microbatches: Int) throws {
        let plan = try plan(nodes: 4)
        let template = try #require(plan.template(nodes: 2))
        let kind = PipelineKind(
            template: template,
            microbatches: microbatches,
            schedule: .oneForwardOneBackward,
            time: 1,
            pipelines: []
        )
        let expected = 1 / Double(microbatches + 1)
        #expect(abs(kind.bubbleShare - expected) < 1e-12)
    }

    @Test("is refused where it does not survive the losses that it must")
    func guarantee() throws {
        try plan(nodes: 4).requireGuarantee(model: "ten")
        var plan = try plan(nodes: 4)
        plan.guarantee.faultTolerance = 2
        plan.guarantee.minimumNodes = 6
        let error = #expect(throws: OobleckError.self) { try plan.requireGuarantee(model: "ten") }
        #expect(error?.code == .noPlan)
        #expect(error?.message.contains("ten needs 6 nodes, 4 given") == true)
    }

    @Test("its certificate fits the width and counts all sets of lost nodes", arguments: [60, 80])
    func certificate(width: Int) throws {
        let plan = try plan(nodes: 6)
        let certificate = try Replanner(plan, profile: Self.profile, preparedLosses: 1)
            .certificate()
        let text = certificate.formatted(.table(width: width))
        expectWithin(width, text)
        #expect(text.hasPrefix("certificate: 6 of 6 failure sets of up to 1 node survived"))
        let whole = CertifiedPlan(document: plan, certificate: certificate)
        let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(whole))
        let keys = try #require(json as? [String: Any]).keys
        #expect(keys.contains("certificate") && keys.contains("templates"))
    }

    @Test("tells the layers to copy after a loss, in aligned columns, and nothing where none are")
    func copies() throws {
        let plan = try plan(nodes: 6)
        #expect(plan.transferTable.isEmpty)
        let next = try Replanner(plan, profile: Self.profile).replan(losing: [0])
        #expect(!next.transfers.isEmpty)
        let rows = next.transferTable.split(separator: "\n")
        #expect(rows.count > 1)
        #expect(Set(rows.map(\.count)).count == 1, "\(next.transferTable)")
    }
}
