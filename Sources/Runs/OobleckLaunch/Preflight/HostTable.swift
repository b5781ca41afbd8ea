import OobleckCore
import OobleckText

/// The checks of all hosts as one table, and a line for each thing that is wrong.
package struct HostTable: Sendable {
    private let reports: [HostReport]
    private let standard: HostStandard

    package init(_ reports: [HostReport], _ standard: HostStandard) {
        self.reports = reports
        self.standard = standard
    }

    /// The lines, none wider than `limit`.
    package func lines(limit: Int?) -> [String] {
        var table = TextTable([
            .init("host"), .init("nodes", .right), .init("address"), .init("ssh"),
            .init("torch"), .init("clock", .right), .init("data"), .init("ports"),
        ])
        for report in reports { table.append(cells(report)) }
        var lines = table.lines(limit: limit)
        for report in reports {
            for problem in report.problems(standard) {
                let weight = problem.weight == .note ? "note: " : ""
                lines.append("\(weight)\(report.host.name): \(problem.text)".folded(limit: limit))
            }
        }
        return lines + neighbours.map { $0.folded(limit: limit) }
    }

    private func cells(_ report: HostReport) -> [String] {
        let start = [report.host.name, "\(report.host.slots.count / standard.devicesPerNode)"]
        guard let facts = report.facts, report.trouble == nil else {
            let isVersion = if case .version? = report.trouble { true } else { false }
            return start + ["-", isVersion ? "version" : report.isAbsent ? "no answer" : "FAIL"]
        }
        let ports =
            facts.coordinatorTrouble != nil || report.launcherTrouble != nil
            || !report.peerTroubles.isEmpty || facts.addressTrouble != nil
        let hasData = facts.dataTrouble == nil && facts.dataDigest == standard.dataDigest
        let isTorch = facts.torch != nil && (standard.torch == nil || facts.torch == standard.torch)
        return start + [
            facts.address ?? "-", "ok", facts.torch.map { isTorch ? $0 : "\($0) !" } ?? "FAIL",
            report.clockOffset.map(Self.offset) ?? "-", hasData ? "ok" : "FAIL",
            ports ? "FAIL" : "ok",
        ]
    }

    private static func offset(_ offset: Seconds) -> String {
        let text = NumberText.decimal(abs(offset.value), 2)
        return "\(offset.value < 0 ? "-" : "+")\(text) s"
    }

    /// Hosts that are one machine.
    private var neighbours: [String] {
        Self.crowded(reports).map { names in
            "note: \(names.joined(separator: ", ")) are one machine; its loss is the loss of all"
        }
    }

    /// The names of hosts that are one machine, for each machine of several.
    package static func crowded(_ reports: [HostReport]) -> [[String]] {
        let known = reports.filter { $0.greeting?.bootID.isEmpty == false }
        return Dictionary(grouping: known) { $0.greeting?.bootID ?? "" }.values
            .map { $0.map(\.host.name) }.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }
}
