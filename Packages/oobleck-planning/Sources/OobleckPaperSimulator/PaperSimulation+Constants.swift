public import OobleckSimulator

extension PaperSimulation {
    /// Whether the published table has a throughput for the model under the policy.
    public static func canHold(_ model: PaperModel, _ policy: PaperPolicy) -> Bool {
        PaperTables.throughput(model, policy) != nil
    }

    /// Every constant of the published evaluation, one line for each model and policy; for digests.
    public static var constants: String {
        PaperModel.allCases.flatMap { model in
            PaperPolicy.allCases.map { policy in
                let table = PaperTables.throughput(model, policy) ?? []
                let values =
                    ["\(PaperTables.samples(model))"]
                    + ["\(PaperTables.reconfiguration(model, policy))"]
                    + ["\(PaperTables.checkpoint(model))"]
                    + PaperTables.bertRestart.map { "\($0)" } + table.map { "\($0)" }
                return "\(model.rawValue) \(policy.rawValue) " + values.joined(separator: " ")
            }
        }
        .joined(separator: "\n")
    }
}
