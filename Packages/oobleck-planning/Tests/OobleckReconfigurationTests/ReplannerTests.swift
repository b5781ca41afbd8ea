import Foundation
import OobleckReconfiguration
import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ReplannerTests {
    /// Eight layers of which a node holds four at most: n_0 = 2.
    private static func profile() -> ModelProfile {
        var random = SeededGenerator(Seed(value: 5))
        return .random(layers: 8, perDevice: 4, using: &random)
    }

    /// Pipelines of 2, 3, 4 and 5 nodes with 4 microbatches each.
    private static func document(_ profile: ModelProfile) throws -> PlanDocument {
        var document = try Planner(profile: profile)
            .untimedPlan(nodes: 14, faultTolerance: 1, microbatches: 16)
        document.plan.pipelines = PublishedExample.start.map { nodes in
            Pipeline(templateNodes: nodes.count, nodes: nodes, microbatches: 4, pipelineTime: 1)
        }
        document.plan.generation = 6
        document.plan.synchronizationTime = 0.25
        return document
    }

    private func error(_ body: () throws -> some Any) -> OobleckError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? OobleckError
        }
    }

    @Test("a document with a number that no plan has is refused, and the number named")
    func numbers() throws {
        let profile = Self.profile()
        let changes: [(String, (inout PlanDocument) -> Void)] = [
            ("iteration_seconds is -1.0", { $0.templates[0].iteration = -1 }),
            ("handover_seconds is -1.0", { $0.templates[0].stages[0].handover.busy = -1 }),
            ("pipeline 0: pipeline_seconds is -2.0", { $0.plan.pipelines[0].pipelineTime = -2 }),
            ("step_seconds is nan", { $0.plan.stepTime = Seconds(.nan) }),
            ("stage on 3 devices", { $0.templates[0].stages[0].devices = 3 }),
            ("guarantee is from -4 to", { $0.guarantee.minimumNodes = -4 }),
        ]
        for (words, change) in changes {
            var document = try Self.document(profile)
            change(&document)
            let refusal = error { try Replanner(document, profile: profile) }
            #expect(refusal?.code == .inputData)
            #expect(refusal?.message.contains(words) == true, "\(refusal?.message ?? words)")
        }
    }

    @Test(
        "a document replanned under sosp23 has the published pipelines",
        arguments: PublishedExample.all
    )
    func published(example: PublishedExample) throws {
        let profile = Self.profile()
        let document = try Self.document(profile)
        let next = try Replanner(document, profile: profile).replan(
            losing: example.lost,
            policy: .sosp23,
            isLayoutOnly: true
        )
        #expect(next.plan.pipelines.map(\.nodes) == example.pipelines)
        #expect(next.plan.generation == 7)
        #expect(next.templates == document.templates)
        #expect(next.reason.hasPrefix("sosp23 after "))
        #expect(next.reason.contains("optimal would take "))
    }

    @Test(
        "a plan whose synchronization dwarfs its passes is replanned at once",
        .timeLimit(.minutes(10))
    )
    func vastSynchronization() throws {
        let vast = Seconds(4_294_967_296.006)
        var document = try Planner(profile: Self.profile())
            .untimedPlan(nodes: 14, faultTolerance: 1, microbatches: 16)
        document.plan.synchronizationTime = vast
        let next = try Replanner(document).replan(losing: [0])
        #expect(next.plan.nodes.count == 13)
        #expect(next.plan.synchronizationTime == vast)
        #expect(next.plan.stepTime > vast && next.plan.stepTime < vast + 1000)
    }

    @Test("the reason says what was done, what it costs and what the other policy would do")
    func reason() throws {
        let document = try Self.document(Self.profile())
        let blind = try Replanner(document).replan(losing: [3, 1, 4], policy: .sosp23)
        let parts = blind.reason.components(separatedBy: "; ")
        #expect(
            parts.prefix(3) == [
                "sosp23 after nodes 1, 3, 4 lost", "pipeline 0 borrows node 13 of pipeline 3",
                "pipeline 1 borrows node 12 of pipeline 3",
            ]
        )
        #expect(parts.contains { $0.hasPrefix("4 pipelines of 2+2+3+4 nodes: predicted step ") })
        #expect(
            parts.contains(
                "\(blind.transfers.count) layers to copy, bytes unknown without a profile"
            )
        )
        #expect(!blind.transfers.isEmpty && blind.transfers.allSatisfy { $0.bytes == 0 })
        let other = try Replanner(document).replan(losing: [3, 1, 4])
        #expect(
            parts.last?.hasPrefix(
                "optimal would take \(PlanReason.time(other.plan.stepTime)) a step, "
            ) == true
        )
        #expect(
            other.reason.contains(
                "sosp23 would take \(PlanReason.time(blind.plan.stepTime)) a step, "
            )
        )
    }

    @Test("without a profile the synchronisation is kept and said to be; with one it is computed")
    func synchronization() throws {
        let profile = Self.profile()
        let document = try Self.document(profile)
        let lost: [NodeID] = [5, 6, 7, 8]
        let blind = try Replanner(document).replan(losing: lost, policy: .sosp23)
        #expect(blind.plan.pipelines.count == 3)
        #expect(blind.plan.synchronizationTime == 0.25)
        #expect(
            blind.reason.contains("synchronisation of 250.0 ms kept from the plan of 4 pipelines")
        )
        let seeing = try Replanner(document, profile: profile)
            .replan(losing: lost, policy: .sosp23)
        // Between 1 ms among two and 2 ms among four.
        #expect(abs(seeing.plan.synchronizationTime.value - 0.0015) < 1e-12)
        #expect(!seeing.reason.contains("kept from"))
        let single = try Replanner(document).replan(
            losing: (2...13).map { NodeID($0) },
            policy: .sosp23
        )
        #expect(single.plan.synchronizationTime == 0)
    }

    @Test("a node that found no place gets one when another joins, and can be lost meanwhile")
    func idleNodes() throws {
        var document = try Self.document(Self.profile())
        document.templates.removeAll { $0.nodes != 2 }
        document.plan.pipelines = [
            Pipeline(templateNodes: 2, nodes: [0, 1], microbatches: 8, pipelineTime: 1),
            Pipeline(templateNodes: 2, nodes: [2, 3], microbatches: 8, pipelineTime: 1),
        ]
        let idling = try Replanner(document).replan(losing: [3])
        #expect(idling.plan.nodes == [0, 1])
        #expect(idling.idleNodes == [2])
        for policy in ReplanPolicy.allCases {
            let joined = try Replanner(idling).replan(losing: [], joining: [4], policy: policy)
            #expect(joined.plan.nodes == [0, 1, 2, 4])
            #expect(joined.idleNodes == [])
            let lost = try Replanner(idling).replan(losing: [2], policy: policy)
            #expect(lost.plan.nodes == [0, 1])
            #expect(lost.idleNodes == [])
        }
        let twice = error { try Replanner(idling).replan(losing: [], joining: [2]) }
        #expect(twice?.code == .usage)
    }

    @Test("a layer whose last holder is lost is named, and no plan exists but a layout")
    func lostLayers() throws {
        let profile = Self.profile()
        var document = try Self.document(profile)
        document.plan.pipelines = [
            Pipeline(templateNodes: 2, nodes: [0, 1], microbatches: 8, pipelineTime: 1),
            Pipeline(templateNodes: 2, nodes: [2, 3], microbatches: 8, pipelineTime: 1),
        ]
        // Two stages of four layers: the first four are on nodes 0 and 2.
        let named = error { try Replanner(document, profile: profile).replan(losing: [0, 2]) }
        #expect(named?.code == .noPlan)
        #expect(
            named?.message.hasPrefix(
                "layers 0-3 (block.0 to block.3) have no copy left on any living node"
            ) == true
        )
        let numbered = error { try Replanner(document).replan(losing: [0, 2]) }
        #expect(numbered?.message.hasPrefix("layers 0-3 have no copy left") == true)
        let layout = try Replanner(document).replan(losing: [0, 2], isLayoutOnly: true)
        #expect(layout.plan.nodes == [1, 3])
        #expect(layout.transfers.isEmpty)
        #expect(layout.reason.contains("layers 0-3 must be restored"))
        #expect(layout.reason.hasPrefix("warning: 1 loss at once not covered"))
        let few = error {
            try Replanner(document).replan(losing: [0, 1, 2], isLayoutOnly: true)
        }
        #expect(few?.code == .noPlan)
        #expect(few?.message == "1 node left, the smallest template has 2; add 1")
    }

    @Test("nodes that make no sense are refused with one line")
    func badNodes() throws {
        let replanner = try Replanner(Self.document(Self.profile()))
        let stranger = error { try replanner.replan(losing: [99, 2]) }
        #expect(stranger?.code == .usage)
        #expect(stranger?.message == "cannot lose node 99: the plan has nodes 0-13")
        #expect(error { try replanner.replan(losing: []) }?.code == .usage)
        #expect(error { try replanner.replan(losing: [], joining: [3]) }?.code == .usage)
        #expect(error { try replanner.replan(losing: [3], joining: [3]) }?.code == .usage)
    }

    @Test("a plan that contradicts itself, or a profile of another model, is bad input")
    func badPlan() throws {
        let good = try Self.document(Self.profile())
        let breakages: [(inout PlanDocument) -> Void] = [
            { $0.templates = [] }, { $0.plan.pipelines = [] }, { $0.microbatches = 17 },
            { $0.microbatches = 0 }, { $0.plan.pipelines[0].nodes = [0] },
            { $0.plan.pipelines[0].nodes = [0, 2] }, { $0.plan.pipelines[0].nodes = [0, -1] },
            { $0.plan.pipelines[0].templateNodes = 77 },
            { $0.plan.pipelines[0].microbatches = -4 }, { $0.templates[1].stages.removeLast() },
            { $0.templates[1].stages[0].firstLayer = 1 }, { $0.templates[1].stages[0].node = 9 },
            { $0.templates.append($0.templates[0]) }, { $0.templates[0].stages = [] },
            { $0.templates[0].stages[0].forward = -1 }, { $0.guarantee.faultTolerance = -1 },
            { $0.plan.synchronizationTime = Seconds(.infinity) },
            { $0.plan.generation = Generation(.max) }, { $0.devicesPerNode = 0 },
        ]
        for (index, damage) in breakages.enumerated() {
            var bad = good
            damage(&bad)
            let found = error { try Replanner(bad) }
            #expect(found?.code == .inputData, "breakage \(index)")
            #expect(found?.message.contains("\n") == false, "breakage \(index)")
        }
        var other = Self.profile()
        other.layers.removeLast()
        #expect(error { try Replanner(good, profile: other) }?.code == .inputData)
    }

    @Test("a plan of another version is refused with both versions; one that names none is read")
    func version() throws {
        let good = try Self.document(Self.profile())
        let data = try JSONEncoder().encode(good)
        #expect(try JSONDecoder().decode(PlanDocument.self, from: data) == good)
        var fields = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(fields["version"] as? Int == 1)
        func read() throws -> PlanDocument {
            try JSONDecoder().decode(
                PlanDocument.self,
                from: JSONSerialization.data(withJSONObject: fields)
            )
        }
        fields["version"] = nil
        #expect(try read() == good)
        fields["version"] = 9
        let found = #expect(throws: OobleckError.self) { try read() }
        #expect(found?.code == .inputData)
        #expect(found?.message == "the plan has version 9; this program reads 1")
        #expect(found?.problem == .unsupportedVersion(found: 9, supported: 1))
    }

    @Test("copies are listed in runs of layers")
    func copyRows() throws {
        var document = try Self.document(Self.profile())
        document.transfers = [3, 4, 5, 7].map {
            LayerTransfer(layer: $0, fromNode: 1, toNode: 2, bytes: 1024)
        }
        let rows = document.copyRows.dropFirst()
        #expect(rows.map(\.layers) == ["3-5", "7"])
        #expect(rows.map(\.bytes) == ["3.0 KiB", "1.0 KiB"])
        document.transfers[3].bytes = 0
        #expect(document.copyRows.last?.bytes == "unknown")
    }
}
