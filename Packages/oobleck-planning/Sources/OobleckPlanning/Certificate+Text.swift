public import OobleckReconfiguration
import OobleckTemplates
public import OobleckValues
import OobleckWords

/// A plan with its certificate, as one JSON object.
public struct CertifiedPlan: Encodable {
    let document: PlanDocument
    let certificate: Certificate

    /// A plan and what follows each loss.
    public init(document: PlanDocument, certificate: Certificate) {
        self.document = document
        self.certificate = certificate
    }

    private enum CodingKeys: String, CodingKey {
        case certificate
    }

    /// Writes the plan, with the certificate beside its fields.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try document.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(certificate, forKey: .certificate)
    }
}

extension Certificate {
    /// Most rows for each count of losses.
    private static let mostRows = 8

    /// The certificate for people, within `width` columns.
    func text(width: Int) -> String {
        guard !entries.isEmpty else { return "certificate: no loss to survive, nothing to check" }
        let survived = entries.filter(\.isSurvived).reduce(0) { $0 + $1.sets }
        let kinds = counted(entries.count, "case")
        var lines = [
            "certificate: \(survived) of \(counted(sets, "failure set")) of up to "
                + "\(counted(faultTolerance, "node")) survived",
            ((distinguishesPlaces
                ? "all checked, in \(kinds) that differ in more than which of equal pipelines "
                    + "they hit"
                : "too many to tell apart by place: all checked by how many nodes each "
                    + "pipeline loses, in \(kinds), without bytes")
                + (holds
                    ? "; every layer keeps a holder and every node left has work" : ""))
                .folded(limit: width, indent: 2),
            "",
        ]
        var table = TextTable([
            .init("lost", .right), .init("sets", .right), .init("for example"),
            .init("next pipelines"), .init("step", .right), .init("copy", .right),
            .init("recovery", .right),
        ])
        var remarks: [String] = []
        for count in 1...max(1, faultTolerance) {
            let rows = entries.filter { $0.lostNodes.count == count }
            let shown = rows.sorted { Self.isWorse($0, $1) }.prefix(Self.mostRows)
            for entry in shown { table.append(entry.cells) }
            remarks += shown.compactMap(\.remark)
            if rows.count > shown.count {
                let more = counted(rows.count - shown.count, "milder case")
                remarks.append(
                    "and \(more) of \(counted(count, "loss"))"
                )
            }
        }
        lines += table.lines(limit: width)
        return (lines + remarks.map { ($0).folded(limit: width, indent: 2) }).joined(
            separator: "\n"
        )
    }

    /// Those not survived first, then the longest recoveries, then the slowest steps.
    private static func isWorse(_ left: Entry, _ right: Entry) -> Bool {
        if left.isSurvived != right.isSurvived { return !left.isSurvived }
        let (first, second) = (left.recovery ?? .zero, right.recovery ?? .zero)
        return (first.value, left.stepTime.value) > (second.value, right.stepTime.value)
    }
}

extension Certificate.Entry {
    /// The longest lists of nodes and pipelines that are shown whole.
    private static let longestList = 20

    /// What became of those that were not survived.
    fileprivate var remark: String? {
        guard let complaint, !isSurvived else { return nil }
        let nodes = lostNodes.map(\.description).joined(separator: " ")
        return "NOT SURVIVED, nodes \(nodes): \(complaint)"
    }

    fileprivate var cells: [String] {
        let nodes = Self.short(lostNodes.map(\.description).joined(separator: " "))
        let head = ["\(lostNodes.count)", "\(sets)", nodes]
        guard isSurvived else { return head + ["NOT SURVIVED"] }
        let sizes = Dictionary(grouping: pipelineNodes) { $0 }.mapValues(\.count)
        let pipelines = sizes.sorted { $0.key < $1.key }
            .map { $0.value > 1 ? "\($0.value)x\($0.key)" : "\($0.key)" }
            .joined(separator: "+")
        return head + [
            Self.short(pipelines), PlanReason.time(stepTime), bytes.map(\.description) ?? "-",
            recovery.map(PlanReason.time) ?? "-",
        ]
    }

    private static func short(_ list: String) -> String {
        list.count > longestList ? list.prefix(longestList - 2) + ".." : list
    }
}
