import OobleckReconfiguration
import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct CertificateTests {
    /// What a failure set leads to.
    private struct Answer: Hashable {
        let sizes: [Int]
        let step: Seconds
        let bytes: ByteCount?
    }

    private func document(_ profile: ModelProfile, nodes: Int, losses: Int) throws -> PlanDocument {
        try Planner(profile: profile)
            .untimedPlan(nodes: nodes, faultTolerance: losses, microbatches: 4 * nodes)
    }

    private func choose(_ count: Int, of nodes: Int) -> Int {
        (0..<count).reduce(1) { $0 * (nodes - $1) / ($1 + 1) }
    }

    @Test(
        "the classes answer for every single set of up to f losses, and for no other",
        arguments: Seed.range(0..<30)
    )
    func everySet(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 6, perDevice: 3, using: &random)
        let losses = Int.random(in: 1...3, using: &random)
        let nodes = Int.random(in: 2 * (losses + 1)...10, using: &random)
        try check(document(profile, nodes: nodes, losses: losses), profile, losses, seed)
    }

    @Test(
        "sets with idle nodes are answered for too, where microbatches are too few for all nodes",
        arguments: Seed.range(0..<20)
    )
    func everySetWithIdleNodes(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 3, perDevice: 3, using: &random)
        let (nodes, losses) = (Int.random(in: 7...9, using: &random), 1 + Int(seed.value % 2))
        let document = try Planner(profile: profile)
            .untimedPlan(
                nodes: nodes,
                faultTolerance: losses,
                microbatches: 2,
                acceptsFewerCopies: true
            )
        #expect(document.idleNodes.count == nodes - 6)
        try check(document, profile, losses, seed)
    }

    /// Against the answers to all sets one by one.
    private func check(
        _ document: PlanDocument,
        _ profile: ModelProfile,
        _ losses: Int,
        _ seed: Seed
    ) throws {
        let living = document.plan.nodes + document.idleNodes
        let nodes = living.count
        let replanner = try Replanner(document, profile: profile)
        let certificate = try replanner.certificate()

        var expected: [Answer: Int] = [:]
        var survivedSets = 0
        for count in 1...losses {
            for lost in subsets(of: living, size: count) {
                let next = try? replanner.replan(losing: lost)
                let isSurvived = next.map { $0.plan.nodes.count == nodes - count } ?? false
                survivedSets += isSurvived ? 1 : 0
                let answer = Answer(
                    sizes: next?.plan.pipelines.map(\.templateNodes) ?? [],
                    step: next?.plan.stepTime ?? .zero,
                    bytes: next?.transfers.reduce(.zero) { $0 + $1.bytes }
                )
                expected[answer, default: 0] += 1
            }
        }
        var found: [Answer: Int] = [:]
        for entry in certificate.entries {
            let answer = Answer(
                sizes: entry.pipelineNodes,
                step: entry.stepTime,
                bytes: entry.bytes
            )
            found[answer, default: 0] += entry.sets
        }
        #expect(found == expected, "\(seed)")
        #expect(
            certificate.sets == (1...losses).reduce(0) { $0 + choose($1, of: nodes) },
            "\(seed)"
        )
        let survived = certificate.entries.filter(\.isSurvived).reduce(0) { $0 + $1.sets }
        #expect(survived == survivedSets, "\(seed)")
        #expect(certificate.distinguishesPlaces, "\(seed)")
    }

    @Test("a plan with f + 1 pipelines survives everything that it promises to")
    func holds() throws {
        var random = SeededGenerator(Seed(value: 4))
        let profile = ModelProfile.random(layers: 8, perDevice: 4, using: &random)
        let document = try document(profile, nodes: 9, losses: 2)
        let certificate = try Replanner(document, profile: profile).certificate()
        #expect(certificate.holds)
        #expect(certificate.sets == 9 + 36)
    }

    @Test("a plan whose layers can all be lost at once is not certified, and says which")
    func doesNotHold() throws {
        var random = SeededGenerator(Seed(value: 5))
        let profile = ModelProfile.random(layers: 8, perDevice: 4, using: &random)
        var document = try document(profile, nodes: 6, losses: 1)
        document.guarantee.faultTolerance = 3
        let certificate = try Replanner(document, profile: profile).certificate()
        #expect(!certificate.holds)
        let worst = certificate.entries.first { !$0.isSurvived }
        #expect(worst?.complaint?.contains("no copy left on any living node") == true)
    }

    @Test("a thousand nodes are checked by how many nodes each pipeline loses, all sets of them")
    func coarse() throws {
        var random = SeededGenerator(Seed(value: 6))
        let profile = ModelProfile.random(layers: 10, perDevice: 4, using: &random)
        let document = try document(profile, nodes: 1_000, losses: 3)
        let certificate = try Replanner(document, profile: profile).certificate()
        #expect(!certificate.distinguishesPlaces)
        #expect(certificate.holds)
        #expect(certificate.sets == (1...3).reduce(0) { $0 + choose($1, of: 1_000) })
    }

    @Test("no loss to survive, nothing to certify")
    func noLosses() throws {
        var random = SeededGenerator(Seed(value: 7))
        let profile = ModelProfile.random(layers: 8, perDevice: 4, using: &random)
        let document = try document(profile, nodes: 4, losses: 0)
        let certificate = try Replanner(document, profile: profile).certificate()
        #expect(certificate.entries.isEmpty && certificate.sets == 0)
    }
}
