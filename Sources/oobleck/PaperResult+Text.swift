import Foundation
import OobleckConsole
import OobleckCore
import OobleckSimulator

extension PaperResult {
    /// The result for people, within 80 columns.
    func text(model: PaperModel, policy: PaperPolicy) -> String {
        func row(_ name: String, _ seconds: Double) -> String {
            let name = name.padding(toLength: 12, withPad: " ", startingAt: 0)
            let share = Console.decimal(100 * seconds / max(duration, 1e-9), 1)
            let clock = Console.clock(seconds: seconds)
            return "  " + name + String(repeating: " ", count: max(0, 12 - clock.count)) + clock
                + String(repeating: " ", count: max(0, 9 - share.count)) + share + " %"
        }
        var lines = [
            "\(policy.rawValue) on \(model.rawValue): \(Console.decimal(throughput, 2)) samples/s, "
                + "\(counted(steps, "step")) in \(Console.clock(seconds: duration))",
            "\(preemptions) preemptions, \(Console.decimal(averageNodes, 1)) nodes on average",
        ]
        if let reason { lines.append(Console.wrapped(reason)) }
        lines += ["", "breakdown           time   of the run"]
        lines += [
            ("effective", breakdown.effective), ("redundant", breakdown.redundant),
            ("rebalance", breakdown.rebalance), ("restart", breakdown.restart),
            ("checkpoint", breakdown.checkpoint), ("fallback", breakdown.fallback),
        ]
        .map(row)
        lines += ["", "state"]
        lines += [
            ("running", states.running), ("rendezvous", states.rendezvous),
            ("stopped", states.stopped),
        ]
        .map(row)
        return lines.joined(separator: "\n")
    }
}
