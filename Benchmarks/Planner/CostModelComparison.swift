import Foundation
import OobleckReconfiguration
import OobleckTemplates
import OobleckValues

/// Plans the same profiles by the paper's cost model and by `schedule`, and judges both plans by the
/// makespan of the real schedule: how much longer the slowest pipeline of each takes, what planning
/// takes of a processor, and how long a decision after the loss of a node takes.
struct CostModelComparison {
    private struct Row: Encodable {
        let profile: String
        let nodes: Int
        /// Slowest pipeline of the plan by `sosp23` over that of the plan by `schedule`.
        let stepRatio: Double
        let planSeconds: [String: Double]
        let decisionSeconds: [String: Double]
        let joinSeconds: [String: Double]
    }

    private struct Plan {
        let slowest: Double
        let planSeconds: Double
        let decisionSeconds: Double
        let joinSeconds: Double
    }

    func run() throws {
        for shape in HardCases.Shape.allCases {
            for seed in UInt64(1)...2 {
                for (name, rate) in [("free links", Double?.none), ("slow links", 20)] {
                    var profile = HardCases().profile(shape, seed: seed, state: 10, activation: 1)
                    profile.linkBytesPerSecond = rate
                    for nodes in [6, 13, 24] {
                        // A third of the nodes just holds the model: pipelines have several stages.
                        let least = try HardCases().leastMemory(
                            profile,
                            nodes: nodes / 3,
                            devices: 1
                        )
                        profile.deviceMemory = least.map { ByteCount($0) }
                        let row = try row(profile, nodes, "\(shape) \(seed), \(name)")
                        let line = try JSONEncoder().encode(row) + Data("\n".utf8)
                        FileHandle.standardOutput.write(line)
                    }
                }
            }
        }
    }

    private func row(_ profile: ModelProfile, _ nodes: Int, _ name: String) throws -> Row {
        let models = [CostModel.sosp23, .schedule]
        let plans = try models.map { try plan(profile, nodes, $0) }
        func by(_ value: (Plan) -> Double) -> [String: Double] {
            Dictionary(uniqueKeysWithValues: zip(models.map(\.rawValue), plans.map(value)))
        }
        return Row(
            profile: name,
            nodes: nodes,
            stepRatio: plans[0].slowest / plans[1].slowest,
            planSeconds: by(\.planSeconds),
            decisionSeconds: by(\.decisionSeconds),
            joinSeconds: by(\.joinSeconds)
        )
    }

    private func plan(_ profile: ModelProfile, _ nodes: Int, _ model: CostModel) throws -> Plan {
        var reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: model,
            faultTolerance: 1,
            microbatches: 4 * nodes
        )
        let start = ProcessorTime.now
        let first = document(&reconfigurator, nodes: 0..<nodes, generation: 0, holdings: [:])
        reconfigurator.prepareForLosses(nodes: nodes)
        let planned = ProcessorTime.now
        guard let first else { throw OobleckError(.noPlan, "no plan of \(nodes) nodes") }
        var holdings: [NodeID: Set<Int>] = [:]
        for pipeline in first.plan.pipelines {
            guard let template = first.template(nodes: pipeline.templateNodes) else { continue }
            for (place, node) in pipeline.nodes.enumerated() {
                holdings[node] = Set(template.layers(ofNode: place))
            }
        }
        let all = holdings
        holdings[NodeID(nodes - 1)] = nil
        _ = document(&reconfigurator, nodes: 0..<(nodes - 1), generation: 1, holdings: holdings)
        let decided = ProcessorTime.now
        // One more than ever: templates of a size that was not prepared.
        _ = document(&reconfigurator, nodes: 0..<(nodes + 1), generation: 2, holdings: all)
        let slowest = first.plan.pipelines.compactMap { pipeline in
            first.template(nodes: pipeline.templateNodes).map { template in
                let real = handingOver(template, profile)
                return real.pipelineTime(
                    microbatches: pipeline.microbatches,
                    costModel: .schedule
                ).value
            }
        }
        return Plan(
            slowest: slowest.max() ?? 0,
            planSeconds: planned - start,
            decisionSeconds: decided - planned,
            joinSeconds: ProcessorTime.now - decided
        )
    }

    /// The template with the hand-overs that its stages really have, of which the paper's model knows
    /// nothing.
    private func handingOver(
        _ template: PipelineTemplate,
        _ profile: ModelProfile
    ) -> PipelineTemplate {
        var template = template
        for index in template.stages.indices.dropLast() {
            let bytes = profile.layers[template.stages[index].endLayer - 1].outputBytes
            template.stages[index].handover = Handover(
                busy: Seconds(profile.linkBytesPerSecond.map { Double(bytes.value) / $0 } ?? 0),
                latency: profile.linkLatency ?? 0
            )
        }
        return template
    }

    private func document(
        _ reconfigurator: inout Reconfigurator,
        nodes: Range<Int>,
        generation: Int,
        holdings: [NodeID: Set<Int>]
    ) -> PlanDocument? {
        let decision = reconfigurator.decide(
            nodes: nodes.map { NodeID($0) },
            holdings: holdings,
            hasState: !holdings.isEmpty,
            generation: Generation(generation)
        )
        guard case .plan(let document, _) = decision else { return nil }
        return document
    }
}
