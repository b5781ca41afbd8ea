import Foundation
import OobleckConsole
import OobleckCore
import OobleckPlanning
import OobleckSimulator

extension SimulationReport {
    /// The report for people, within 80 columns.
    var text: String {
        let days = Console.decimal(duration.value / 86_400, duration.value < 86_400 ? 2 : 1)
        let worlds = counted(trials, "world")
        var lines = [
            "\(model), up to \(nodes) nodes, \(days) days, \(worlds), "
                + "\(Self.number(losses.mean)) losses each",
            "",
            "                                       hours of all nodes",
            "policy          samples/s   +-95 %  useful   lost     all recovery samples     $",
        ]
        for row in policies {
            let name = row.policy.padding(toLength: 16, withPad: " ", startingAt: 0)
            if let obstacle = row.obstacle {
                lines.append(Console.wrapped("\(name) cannot run: \(obstacle)", indent: 17))
                continue
            }
            func hours(_ seconds: Double?) -> String { Self.amount((seconds ?? 0) / 3600) }
            lines.append(
                name + Self.right(Self.number(row.goodput.mean), 9)
                    + Self.right(trials > 1 ? Self.number(row.goodput.margin) : "-", 9)
                    + Self.right(hours(row.nodeSeconds["useful"]), 8)
                    + Self.right(hours(row.nodeSeconds["lost"]), 7)
                    + Self.right(hours(row.nodeSeconds["total"]), 8)
                    + Self.right(row.recoveryMedian.map { PlanReason.time($0) } ?? "-", 9)
                    + Self.right(Self.amount(row.samples.mean), 8)
                    + Self.right(Self.amount(row.dollars.mean), 6)
            )
        }
        if policies.count > 1, trials > 1, let first = policies.first {
            lines += ["", "difference to \(first.policy) in the same worlds, samples/s"]
            for row in policies.dropFirst() {
                guard let difference = row.goodputDifference, row.obstacle == nil else { continue }
                let name = row.policy.padding(toLength: 18, withPad: " ", startingAt: 0)
                let sign = difference.mean < 0 ? "" : "+"
                lines.append(
                    name + Self.right(sign + Self.number(difference.mean), 13)
                        + Self.right("+-" + Self.number(difference.margin), 12)
                )
            }
        }
        return (lines + recoveryLines).joined(separator: "\n")
    }

    /// How long recoveries took, for each policy that had any.
    private var recoveryLines: [String] {
        let rows = policies.filter { $0.obstacle == nil && $0.recoveries.count > 0 }
        guard !rows.isEmpty else { return [] }
        let shown = [10, 50, 90, 99, 100]
        let heading =
            "recoveries took".padding(toLength: 18, withPad: " ", startingAt: 0)
            + Self.right("count", 8) + shown.map { Self.right("\($0) %", 10) }.joined()
        return ["", heading]
            + rows.map { row in
                row.policy.padding(toLength: 18, withPad: " ", startingAt: 0)
                    + Self.right("\(row.recoveries.count)", 8)
                    + shown.map { percent in
                        let time = row.recoveries.quantile(percent)
                        return Self.right(time.map { PlanReason.time($0) } ?? "-", 10)
                    }
                    .joined()
            }
    }

    private static func amount(_ value: Double) -> String {
        value < 100 ? Console.decimal(value, 1) : Console.short(value)
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// Four digits, as `0.01234`, `12.34` or `1234`.
    private static func number(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return Console.decimal(value, 0) }
        let digits = Int(floor(log10(abs(value))))
        return digits >= 6
            ? Console.short(value) : Console.decimal(value, min(6, max(0, 3 - digits)))
    }
}
