import Foundation
import OobleckCore
import OobleckPaperSimulator
import OobleckSimulator
import OobleckText

extension PaperResult {
    /// The result for people, within `width` columns.
    package func text(model: PaperModel, policy: PaperPolicy, width: Int) -> String {
        func table(_ title: String, _ rows: [(String, Double)]) -> [String] {
            var table = TextTable([.init(title), .init("time", .right), .init("share", .right)])
            for (name, seconds) in rows {
                let share = NumberText.decimal(100 * seconds / max(duration, 1e-9), 1)
                table.append([name, NumberText.clock(Seconds(seconds)), "\(share) %"])
            }
            return [""] + table.lines(limit: width)
        }
        var lines = [
            "\(policy.rawValue) on \(model.rawValue): \(NumberText.decimal(throughput, 2)) samples/s, "
                + "\(counted(steps, "step")) in \(NumberText.clock(Seconds(duration)))",
            "\(counted(preemptions, "preemption")), \(NumberText.decimal(averageNodes, 1)) nodes on average",
        ]
        if let reason { lines.append(reason.folded(limit: width, indent: 4)) }
        lines += table(
            "breakdown",
            [
                ("effective", breakdown.effective), ("redundant", breakdown.redundant),
                ("rebalance", breakdown.rebalance), ("restart", breakdown.restart),
                ("checkpoint", breakdown.checkpoint), ("fallback", breakdown.fallback),
            ]
        )
        lines += table(
            "state",
            [
                ("running", states.running), ("rendezvous", states.rendezvous),
                ("stopped", states.stopped),
            ]
        )
        return lines.joined(separator: "\n")
    }
}
