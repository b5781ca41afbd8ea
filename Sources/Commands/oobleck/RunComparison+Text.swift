import OobleckConsole
import OobleckCore
import OobleckRunReport
import OobleckText

extension RunComparison {
    /// The comparison for people.
    func lines(limit: Int?) -> [String] {
        var lines = [bits]
        var table = TextTable([.init(""), .init("first", .right), .init("second", .right)])
        func row(_ name: String, _ value: (Side) -> String?) {
            table.append([name, value(first) ?? "", value(second) ?? ""])
        }
        row("steps") { "\($0.steps)" }
        row("state_sha256") { $0.stateSHA256.map { String($0.prefix(12)) } }
        row("nodes lost") { "\($0.lostNodes)" }
        row("recoveries") { "\($0.recoveries)" }
        row("median recovery") { $0.recovery.map { "\(Console.decimal($0, 2)) s" } }
        row("samples/s, median") { $0.samplesPerSecond.map { Console.decimal($0, 1) } }
        row("time") { "\(Console.decimal($0.time, 1)) s" }
        row("in steps that count") { $0.usefulShare.map { "\(Int(($0 * 100).rounded())) %" } }
        for loss in losses {
            table.append([
                "loss of step \(loss.step)", Console.decimal(loss.first, 6),
                Console.decimal(loss.second, 6),
            ])
        }
        lines += table.lines(limit: limit)
        guard !job.isEmpty else { return lines + ["the jobs are the same"] }
        lines.append("the jobs differ:")
        var differences = TextTable([.init("  key"), .init("first"), .init("second")])
        for difference in job {
            differences.append([
                "  \(difference.key)", difference.first ?? "-", difference.second ?? "-",
            ])
        }
        return lines + differences.lines(limit: limit)
    }

    /// What the bits say.
    private var bits: String {
        let state =
            isSameState.map {
                $0 ? "the final states are the same bits" : "the final states differ"
            } ?? "not both are finished"
        guard commonSteps > 0 else { return "no step is in both; \(state)" }
        let losses =
            equalSteps == commonSteps
            ? "the losses of all \(commonSteps) common steps are the same bits"
            : equalSteps == 0
                ? "the losses differ from the first step on"
                : "the losses of \(equalSteps) steps are the same bits, then they differ"
        return "\(losses); \(state)"
    }
}
