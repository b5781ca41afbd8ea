import OobleckConsole
import OobleckCore
import OobleckPlanning
import OobleckReconfiguration

/// A plan with its certificate, as one JSON object.
struct CertifiedPlan: Encodable {
    let document: PlanDocument
    let certificate: Certificate

    private enum CodingKeys: String, CodingKey {
        case certificate
    }

    func encode(to encoder: any Encoder) throws {
        try document.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(certificate, forKey: .certificate)
    }
}

extension Certificate {
    /// Most rows for each count of losses.
    private static let mostRows = 8

    /// The certificate for people, within 80 columns.
    var text: String {
        guard !entries.isEmpty else { return "certificate: no loss to survive, nothing to check" }
        let survived = entries.filter(\.isSurvived).reduce(0) { $0 + $1.sets }
        let kinds = counted(entries.count, "case")
        var lines = [
            "certificate: \(survived) of \(counted(sets, "failure set")) of up to "
                + "\(counted(faultTolerance, "node")) survived",
            Console.wrapped(
                (distinguishesPlaces
                    ? "all checked, in \(kinds) that differ in more than which of equal pipelines "
                        + "they hit"
                    : "too many to tell apart by place: all checked by how many nodes each "
                        + "pipeline loses, in \(kinds), without bytes")
                    + (holds
                        ? "; every layer keeps a holder and every node left has work" : ""),
                indent: 2
            ),
            "", "lost   sets  for example     next pipelines            step      copy  recovery",
        ]
        for count in 1...max(1, faultTolerance) {
            let rows = entries.filter { $0.lostNodes.count == count }
            let shown = rows.sorted { Self.isWorse($0, $1) }.prefix(Self.mostRows)
            lines += shown.map(\.row)
            if rows.count > shown.count {
                let more = counted(rows.count - shown.count, "milder case")
                lines.append(
                    "       and \(more) of \(counted(count, "loss"))"
                )
            }
        }
        return lines.joined(separator: "\n")
    }

    /// Those not survived first, then the longest recoveries, then the slowest steps.
    private static func isWorse(_ left: Entry, _ right: Entry) -> Bool {
        if left.isSurvived != right.isSurvived { return !left.isSurvived }
        let (first, second) = (left.recovery ?? .zero, right.recovery ?? .zero)
        return (first.value, left.stepTime.value) > (second.value, right.stepTime.value)
    }
}

extension Certificate.Entry {
    fileprivate var row: String {
        let nodes = lostNodes.map(\.description).joined(separator: " ")
        let head = [
            Self.cell("\(lostNodes.count)", 4), Self.cell("\(sets)", 6),
            " " + Self.padded(nodes.count > 14 ? nodes.prefix(12) + ".." : nodes, 14),
        ]
        if let complaint, !isSurvived {
            let text = head.joined(separator: " ") + "  NOT SURVIVED: "
            return text + String(complaint.prefix(max(20, Console.width - text.count)))
        }
        let sizes = Dictionary(grouping: pipelineNodes) { $0 }.mapValues(\.count)
        let pipelines = sizes.sorted { $0.key < $1.key }
            .map { $0.value > 1 ? "\($0.value)x\($0.key)" : "\($0.key)" }
            .joined(separator: "+")
        let cells = [
            Self.padded(pipelines.count > 20 ? pipelines.prefix(18) + ".." : pipelines, 20),
            Self.cell(PlanReason.time(stepTime), 9),
            Self.cell(bytes.map(\.description) ?? "-", 9),
            Self.cell(recovery.map(PlanReason.time) ?? "-", 9),
        ]
        return (head + [""] + cells).joined(separator: " ")
    }

    private static func cell(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func padded(_ text: some StringProtocol, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
