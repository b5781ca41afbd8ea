import Foundation
import OobleckCore
import OobleckPlanning
import OobleckSimulator
import OobleckText

extension SimulationReport {
    /// The report for people, within `width` columns.
    package func text(width: Int) -> String {
        let days = NumberText.decimal(duration.value / 86_400, duration.value < 86_400 ? 2 : 1)
        let worlds = counted(trials, "world")
        var lines = [
            "\(model), up to \(nodes) nodes, \(days) days, \(worlds), "
                + "\(Self.number(losses.mean)) losses each"
        ]
        if let note {
            lines += note.split(separator: "\n").map { String($0).folded(limit: width, indent: 4) }
        }
        lines += [
            "useful, lost and all are hours of all nodes; +- is the margin at 95 %", "",
        ]
        var table = TextTable([
            .init("policy"), .init("samples/s", .right), .init("+-", .right),
            .init("useful", .right), .init("lost", .right), .init("all", .right),
            .init("recovery", .right), .init("samples", .right), .init("$", .right),
        ])
        var obstacles: [String] = []
        for row in policies {
            if let obstacle = row.obstacle {
                obstacles.append(
                    "\(row.policy) cannot run: \(obstacle)".folded(limit: width, indent: 4)
                )
                continue
            }
            func hours(_ seconds: Double?) -> String { Self.amount((seconds ?? 0) / 3600) }
            table.append([
                row.policy, Self.number(row.goodput.mean),
                row.goodput.margin.map(Self.number) ?? "-",
                hours(row.nodeSeconds["useful"]), hours(row.nodeSeconds["lost"]),
                hours(row.nodeSeconds["total"]),
                row.recoveryMedian.map { $0.duration } ?? "-",
                Self.amount(row.samples.mean), Self.amount(row.dollars.mean),
            ])
        }
        let caveats = policies.filter { $0.obstacle == nil }.compactMap { row in
            row.caveat.map { "\(row.policy) \($0)".folded(limit: width, indent: 4) }
        }
        lines += table.lines(limit: width) + obstacles + caveats
        return (lines + differenceLines(width) + recoveryLines(width)).joined(separator: "\n")
    }

    /// How the policies compare with the first, in the same worlds.
    private func differenceLines(_ width: Int) -> [String] {
        guard policies.count > 1, trials > 1, let first = policies.first else { return [] }
        var table = TextTable([
            .init("difference to \(first.policy)"), .init("samples/s", .right),
            .init("+-", .right),
        ])
        for row in policies.dropFirst() {
            guard let difference = row.goodputDifference, row.obstacle == nil else { continue }
            let sign = difference.mean < 0 ? "" : "+"
            table.append([
                row.policy, sign + Self.number(difference.mean),
                difference.margin.map(Self.number) ?? "-",
            ])
        }
        return ["", "in the same worlds:"] + table.lines(limit: width)
    }

    /// How long recoveries took, for each policy that had any.
    private func recoveryLines(_ width: Int) -> [String] {
        let rows = policies.filter { $0.obstacle == nil && $0.recoveries.count > 0 }
        guard !rows.isEmpty else { return [] }
        let shown = [10, 50, 90, 99, 100]
        var table = TextTable(
            [.init("recoveries took"), .init("count", .right)]
                + shown.map { .init("\($0) %", .right) }
        )
        for row in rows {
            let times = shown.map { percent in
                row.recoveries.quantile(percent).map { $0.duration } ?? "-"
            }
            table.append([row.policy, "\(row.recoveries.count)"] + times)
        }
        return [""] + table.lines(limit: width)
    }

    private static func amount(_ value: Double) -> String {
        value < 100 ? NumberText.decimal(value, 1) : NumberText.short(value)
    }

    /// Four digits, as `0.01234`, `12.34` or `1234`.
    private static func number(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return NumberText.decimal(value, 0) }
        let digits = Int(floor(log10(abs(value))))
        return digits >= 6
            ? NumberText.short(value) : NumberText.decimal(value, min(6, max(0, 3 - digits)))
    }
}
