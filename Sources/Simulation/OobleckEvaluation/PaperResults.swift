import OobleckPaperSimulator
import OobleckSimulator

/// All runs of the paper's evaluation, as published and corrected; made once.
struct PaperResults {
    struct Key: Hashable {
        let model: PaperModel
        let policy: PaperPolicy
        let trace: String
        let isCorrected: Bool
    }

    let traces: EvaluationTraces
    private var results: [Key: PaperResult] = [:]

    init(_ traces: EvaluationTraces) throws {
        self.traces = traces
        for entry in traces.frequencies + traces.spot {
            for model in PaperModel.allCases {
                for policy in PaperPolicy.allCases {
                    for isCorrected in [false, true] {
                        let key = Key(
                            model: model,
                            policy: policy,
                            trace: entry.name,
                            isCorrected: isCorrected
                        )
                        results[key] = try PaperSimulation.run(
                            model: model,
                            policy: policy,
                            trace: entry.trace,
                            corrections: isCorrected ? .all : []
                        )
                    }
                }
            }
        }
    }

    func result(
        _ model: PaperModel,
        _ policy: PaperPolicy,
        _ trace: String,
        isCorrected: Bool = false
    ) -> PaperResult? {
        results[Key(model: model, policy: policy, trace: trace, isCorrected: isCorrected)]
    }

    func throughput(
        _ model: PaperModel,
        _ policy: PaperPolicy,
        _ trace: String,
        isCorrected: Bool = false
    ) -> Double {
        result(model, policy, trace, isCorrected: isCorrected)?.throughput ?? 0
    }
}
