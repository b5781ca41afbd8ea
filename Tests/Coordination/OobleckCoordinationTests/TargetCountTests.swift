import Foundation
import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckWorlds
import Testing

@Suite("Losses over targets that count", .timeLimit(.minutes(5))) struct TargetCountTests {
    /// At most so many targets in a microbatch: gradients are summed times 1/8.
    private static let mostTargets = 6
    private static let scale = 0.125
    private static let clip = 0.5

    /// A model with as many layers as the drill's, as one is imported.
    private static func model() throws -> ModelSpecification {
        let layers = (0..<ToyModel.layerCount).map { layer in
            let isLast = layer == ToyModel.layerCount - 1
            let sends =
                isLast
                ? """
                {"name": "loss", "shape": [], "dtype": "float32"},
                {"name": "count", "shape": [], "dtype": "int64"}
                """ : "{\"name\": \"hidden\", \"shape\": [4], \"dtype\": \"float32\"}"
            let receives =
                layer == 0 ? "" : "{\"name\": \"hidden\", \"shape\": [4], \"dtype\": \"float32\"}"
            return """
                {"name": "layer\(layer)", "graph": "g", "parameters": [], "constants": [], "batch": [],
                 "receives": [\(receives)], "sends": [\(sends)]}
                """
        }
        let text = """
            {"version": 1, "torch": "2.13.0", "name": "toy", "microbatch": 4, "batch": [],
             "layers": [\(layers.joined(separator: ","))], "tied": [], "files": {"g": ""},
             "loss": {"layer": \(layers.count - 1), "sum": true, "count": true,
                      "targets": \(mostTargets)}}
            """
        let manifest = try JSONDecoder().decode(ImportManifest.self, from: Data(text.utf8))
        #expect(manifest.problem == nil && manifest.loss.scale == scale)
        return .imported(ImportedModel(path: "/model", sha256: "", manifest: manifest))
    }

    /// Four nodes that train an imported model.
    private func bench(steps: Int = 10) throws -> CoordinatorBench {
        let toy = ToyModel()
        var job = toy.job(nodes: 4, steps: steps)
        job.model = try Self.model()
        job.training.gradientClip = Self.clip
        var bench = try CoordinatorBench(nodes: 4, steps: steps)
        bench.coordinator = Coordinator(
            job: job,
            profile: ToyModel.profile,
            reconfigurator: try Reconfigurator(
                profile: ToyModel.profile,
                costModel: .sosp23,
                faultTolerance: 1,
                microbatches: job.training.microbatchCount
            )
        )
        for _ in 0..<4 { try bench.join() }
        bench.prepareAll()
        bench.resumeAll()
        return bench
    }

    /// All nodes vote; a microbatch's loss is the sum over its targets.
    ///
    /// Returns all that follows.
    private func vote(
        _ bench: inout CoordinatorBench,
        sums: [Double],
        counts: [Int],
        layerNorms: [Double]? = nil,
        change: (NodeID, inout StepVote) -> Void = { _, _ in }
    ) -> [CoordinatorDirective] {
        let votes = bench.nodes.map { node in
            var vote = bench.vote(node)
            for index in vote.losses.keys {
                vote.losses[index] = sums[index]
                vote.targetCounts[index] = counts[index]
            }
            for layer in vote.squaredNorms.keys {
                guard let norm = layerNorms?[layer] else { continue }
                vote.squaredNorms[layer] = norm * norm
            }
            change(node, &vote)
            return (node, vote)
        }
        return votes.flatMap { bench.say($0.0, .vote($0.1)) }
    }

    private func recorded(_ directives: [CoordinatorDirective]) -> CommittedStep? {
        for case .record(let step) in directives { return step }
        return nil
    }

    private static let counts = [6, 1, 0, 3, 5, 2, 6, 4]
    private static let sums = [12, 3.5, 0, 4, 9, 1, 18, 6.25]

    @Test("the loss is the sum of all sums over the count of all targets")
    func loss() throws {
        var bench = try bench()
        let record = try #require(recorded(vote(&bench, sums: Self.sums, counts: Self.counts)))
        #expect(record.targets == 27)
        #expect(record.loss == 53.75 / 27)
        #expect(record.skipped == nil)
    }

    @Test("norm and factor are those of the mean over all targets, clipped and not")
    func gradient() throws {
        // Gradients of the sum over all 27 targets, by layer; workers report the mean over 8
        // microbatches, times the scale.
        for size in [0.001, 1, 1000] {
            var bench = try bench()
            let gradients = [3, 4, 12, 84, 0, 5].map { $0 * size }
            let reported = gradients.map { $0 * Self.scale / 8 }
            let directives = vote(
                &bench,
                sums: Self.sums,
                counts: Self.counts,
                layerNorms: reported
            )
            let record = try #require(recorded(directives))
            let norm = gradients.map { ($0 / 27) * ($0 / 27) }.reduce(0, +).squareRoot()
            #expect(abs(record.gradientNorm / norm - 1) < 1e-12, "rounding of a dozen operations")
            #expect(directives.commits.count == 4)
            let clipping = norm > Self.clip ? Self.clip / (norm + 1e-6) : 1
            for commit in directives.commits {
                // What a worker applies to what it summed is the clipped mean over all targets.
                let applied = commit.gradientFactor * reported[3]
                #expect(abs(applied / (clipping * gradients[3] / 27) - 1) < 1e-12)
                #expect(!commit.skips && commit.record == record)
            }
        }
    }

    @Test("who votes in which order makes no difference to a bit")
    func order() throws {
        var (one, other) = (try bench(), try bench())
        let first = vote(&one, sums: Self.sums, counts: Self.counts)
        let votes = other.nodes.reversed().map { node in
            var vote = other.vote(node)
            for index in vote.losses.keys {
                vote.losses[index] = Self.sums[index]
                vote.targetCounts[index] = Self.counts[index]
            }
            return (node, vote)
        }
        let second = votes.flatMap { other.say($0.0, .vote($0.1)) }
        #expect(recorded(first) == recorded(second) && recorded(first) != nil)
    }

    @Test(
        "a gradient without any target, as of a regulariser, is skipped by a commit that all accept"
    )
    func gradientWithoutTargets() throws {
        var bench = try bench()
        for _ in 0..<7 {
            let none = [Int](repeating: 0, count: 8)
            let losses = [Double](repeating: 0.5, count: 8)
            let norms = [Double](repeating: 3, count: 6)
            let directives = vote(&bench, sums: losses, counts: none, layerNorms: norms)
            #expect(recorded(directives)?.skipped == "none of its targets counts")
            #expect(directives.commits.count == 4)
            #expect(directives.commits.allSatisfy { $0.skips && $0.gradientFactor == 1 })
        }
    }

    @Test("a step none of whose targets counts is skipped for that reason, and training goes on")
    func noTargets() throws {
        var bench = try bench()
        let none = [Int](repeating: 0, count: 8)
        let directives = vote(&bench, sums: [Double](repeating: 0, count: 8), counts: none)
        let record = try #require(recorded(directives))
        #expect(record.skipped == "none of its targets counts")
        #expect(record.targets == 0)
        #expect(directives.commits.count == 4)
        #expect(directives.commits.allSatisfy { $0.skips })
        let next = vote(&bench, sums: Self.sums, counts: Self.counts)
        #expect(next.commits.allSatisfy { !$0.skips })
        #expect(recorded(next)?.step == 1)
    }

    @Test("counts of some microbatches only, or none, are a fault of ours")
    func someCounts() throws {
        let spoils: [(String, (inout StepVote) -> Void)] = [
            ("one missing", { $0.targetCounts[$0.losses.keys.sorted()[0]] = nil }),
            ("those of a node missing", { $0.targetCounts = [:] }),
            ("one that there is not", { $0.targetCounts[8] = 1 }),
            ("one negative", { $0.targetCounts[$0.losses.keys.sorted()[0]] = -1 }),
            ("one beyond all bounds", { $0.targetCounts[$0.losses.keys.sorted()[0]] = .max }),
        ]
        for (what, spoil) in spoils {
            var bench = try bench()
            let last = bench.nodes.last {
                bench.layers(of: $0).contains(ToyModel.layerCount - 1)
            }
            let directives = vote(&bench, sums: Self.sums, counts: Self.counts) { node, vote in
                if node == last { spoil(&vote) }
            }
            #expect(directives.commits.isEmpty, "\(what)")
            #expect(directives.stopError?.code == .internalFault, "\(what)")
            #expect(directives.stopError?.message.contains("target") == true, "\(what)")
        }
        var bench = try bench()
        let directives = vote(&bench, sums: Self.sums, counts: Self.counts) {
            $1.targetCounts = [:]
        }
        #expect(directives.stopError?.code == .internalFault, "none at all")
    }

    @Test("a microbatch that two nodes count is a fault of ours")
    func countedTwice() throws {
        var bench = try bench()
        let directives = vote(&bench, sums: Self.sums, counts: Self.counts) { node, vote in
            if vote.losses.isEmpty { vote.targetCounts[0] = 6 }
        }
        #expect(directives.stopError?.code == .internalFault)
    }

    @Test("the correction follows from the job: one for means, M / (scale T) for sums")
    func correction() throws {
        var job = ToyModel().job(nodes: 4, steps: 1)
        #expect(job.gradientCorrection(targets: nil) == 1)
        #expect(job.gradientCorrection(targets: 27) == 1, "GPT-2 has means")
        job.model = try Self.model()
        #expect(job.gradientCorrection(targets: nil) == 1)
        #expect(job.gradientCorrection(targets: 27) == 8 / (0.125 * 27))
        #expect(job.gradientCorrection(targets: 1) == 64)
    }

    @Test("the scale of gradients is the power of two next below one over the targets")
    func scales() throws {
        guard case .imported(let model) = try Self.model() else { return }
        var loss = model.manifest.loss
        for (targets, scale) in [
            (nil, 1), (1, 1), (2, 0.5), (3, 0.25), (4, 0.25), (5, 0.125), (1 << 20, 0x1p-20),
            ((1 << 20) + 1, 0x1p-21), (Int.max, 0x1p-63),
        ] as [(Int?, Double)] {
            loss.targets = targets
            #expect(loss.scale == scale, "\(targets as Any)")
        }
    }
}
