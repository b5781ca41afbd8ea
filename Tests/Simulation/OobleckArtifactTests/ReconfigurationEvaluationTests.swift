import Foundation
import OobleckCore
import OobleckReconfiguration
import Testing

@testable import OobleckArtifact

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite(.timeLimit(.minutes(10))) struct ReconfigurationEvaluationTests {
    private func transition(
        _ example: PublishedReconfiguration,
        _ change: (inout PlanDocument) -> Void = { _ in }
    ) throws -> PlanTransition {
        let profile = PublishedProfiles.equal
        let before = try PublishedReconfiguration.plan(profile: profile, microbatches: 512)
        var after = try Replanner(before, profile: profile).replan(
            losing: example.lost,
            policy: .sosp23,
            isLayoutOnly: true
        )
        change(&after)
        return PlanTransition(before: before, after: after, lost: example.lost)
    }

    private var borrow: PublishedReconfiguration { PublishedReconfiguration.all[1] }

    @Test("the published examples pass, each with a picture")
    func published() throws {
        let part = try ReconfigurationEvaluation().part()
        #expect(part.isPassed, "\(part.verdict)")
        #expect(part.checks.count == 12)
        let pictures = part.blocks.compactMap { block in
            if case .picture(let svg, _) = block { svg } else { nil }
        }
        #expect(pictures.count == 4)
        for picture in pictures { #expect(XMLParser(data: Data(picture.utf8)).parse()) }
        // In the second, node 13 goes to the first pipeline and copies from who holds its layers.
        #expect(pictures[1].contains(">node 13<") && pictures[1].contains(">from nodes "))
        let said = part.lines { $0 }.contains { $0.contains("no copy of layers 12 to 14 is left") }
        #expect(said)
    }

    @Test("other pipelines than the published ones, and another rule, fall short")
    func otherPipelines() throws {
        let swapped = try transition(borrow) { after in
            after.plan.pipelines[0].nodes[1] = 12
            after.plan.pipelines[1].nodes[1] = 13
        }
        let checks = ReconfigurationEvaluation.checks(borrow, swapped)
        #expect(checks.map(\.isMet) == [false, true, true])
        let whole = try transition(borrow)
        let merge = PublishedReconfiguration(
            rule: "merge",
            lost: borrow.lost,
            pipelines: borrow.pipelines
        )
        let others = ReconfigurationEvaluation.checks(merge, whole)
        #expect(others.map(\.isMet) == [true, false, true])
    }

    @Test("whatever is wrong with coverage or copies is said")
    func complaints() throws {
        #expect(try transition(borrow).complaint() == nil)
        let fromLost = try transition(borrow) { $0.transfers[0].fromNode = 1 }
        #expect(fromLost.complaint()?.contains("node 1 cannot send layer") == true)
        let fromStranger = try transition(borrow) { $0.transfers[0].layer = 23 }
        #expect(fromStranger.complaint()?.contains("cannot send layer 23") == true)
        let missing = try transition(borrow) { $0.transfers.removeLast() }
        #expect(missing.complaint()?.contains("lacks layers") == true)
        let idle = try transition(borrow) { $0.plan.pipelines.removeLast() }
        #expect(idle.complaint()?.contains("have work") == true)
        let turned = try transition(borrow) { $0.plan.pipelines[0].templateNodes = 3 }
        #expect(turned.complaint()?.contains("does not hold each layer once") == true)
        let fewer = try transition(borrow) { $0.plan.pipelines[0].microbatches -= 1 }
        #expect(fewer.complaint()?.contains("511 of 512 microbatches") == true)
        let needless = try transition(borrow) { after in
            guard let holder = after.plan.pipelines.last?.nodes.first else { return }
            after.transfers.append(
                LayerTransfer(layer: 0, fromNode: 9, toNode: holder, bytes: 1)
            )
        }
        #expect(needless.complaint()?.contains("copies layers that it holds") == true)
        let lossy = try transition(PublishedReconfiguration.all[3])
        #expect(lossy.complaint()?.contains("[12, 13, 14] are lost") == true)
        #expect(lossy.complaint(isLayoutOnly: true) == nil)
    }

    @Test("a live run that could not start falls short, with the reason")
    func failed() throws {
        let part = try ReconfigurationEvaluation().part(failure: "no room on the disk")
        #expect(!part.isPassed)
        #expect(part.verdict.contains("no room on the disk"))
    }
}
