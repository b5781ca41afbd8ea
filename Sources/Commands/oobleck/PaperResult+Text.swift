import Foundation
import OobleckConsole
import OobleckCore
import OobleckSimulator
import OobleckText

extension PaperResult {
    /// The result for people, within 80 columns.
    func text(model: PaperModel, policy: PaperPolicy) -> String {
        func table(_ title: String, _ rows: [(String, Double)]) -> [String] {
            var table = TextTable([.init(title), .init("time", .right), .init("share", .right)])
            for (name, seconds) in rows {
                let share = Console.decimal(100 * seconds / max(duration, 1e-9), 1)
                table.append([name, Console.clock(seconds: seconds), "\(share) %"])
            }
            return [""] + table.lines(limit: Console.pageLimit)
        }
        var lines = [
            "\(policy.rawValue) on \(model.rawValue): \(Console.decimal(throughput, 2)) samples/s, "
                + "\(counted(steps, "step")) in \(Console.clock(seconds: duration))",
            "\(counted(preemptions, "preemption")), \(Console.decimal(averageNodes, 1)) nodes on average",
        ]
        if let reason { lines.append(Console.wrapped(reason)) }
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
