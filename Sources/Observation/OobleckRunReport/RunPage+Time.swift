import OobleckCore
import OobleckRunFiles

/// Where the time went, and what losses cost.
extension RunPage {
    var timeSection: Section? {
        guard use.total > 0 else { return nil }
        let rows = TimeUse.Kind.allCases.compactMap { kind -> String? in
            guard let seconds = use.seconds[kind], seconds > 0.0005 else { return nil }
            return Self.bar(
                kind.rawValue,
                kind.explanation,
                seconds / use.total,
                "\(ReportText.seconds(seconds)), \(ReportText.percent(seconds / use.total))",
                style: kind == .training ? "useful" : "other"
            )
        }
        return Section(
            id: "time",
            title: "Where the time went",
            body: "<div class=\"bars\">\(rows.joined(separator: "\n"))</div>" + stepParts
        )
    }

    /// What a worker did in the time of the steps.
    private var stepParts: String {
        let steps = story.metrics.filter {
            $0.stepTime != nil && $0.wait != nil && $0.compute != nil
        }
        let total = steps.reduce(0) { $0 + ($1.stepTime?.value ?? 0) }
        guard total > 0 else { return "" }
        func share(_ part: (MetricsLine) -> Seconds?) -> Double {
            steps.reduce(0) { $0 + (part($1)?.value ?? 0) } / total
        }
        var parts: [(name: String, explanation: String, share: Double)] = [
            ("compute", "passes over layers", share(\.compute)),
            ("wait", "for neighbouring stages", share(\.wait)),
            ("sums", "waiting for the sums of gradients", share(\.synchronization)),
            ("update", "the optimizer", share(\.update)),
        ]
        let rest = max(0, 1 - parts.reduce(0) { $0 + $1.share })
        parts.append(("rest", "votes, commits, slower workers, data and digests", rest))
        let rows = parts.map { part in
            Self.bar(
                part.name,
                part.explanation,
                part.share,
                ReportText.percent(part.share),
                style: part.name == "compute" ? "useful" : "other"
            )
        }
        return "<h3>In a step, on the average worker</h3>\n"
            + "<div class=\"bars\">\(rows.joined(separator: "\n"))</div>"
    }

    private static func bar(
        _ name: String,
        _ explanation: String,
        _ share: Double,
        _ value: String,
        style: String
    ) -> String {
        let width = String(max(0.2, (share * 1000).rounded() / 10))
        return "<div class=\"bar\"><span class=\"what\"><b>\(ReportText.escaped(name))</b> "
            + "\(ReportText.escaped(explanation))</span>"
            + "<span class=\"track\"><i class=\"\(style)\" style=\"width:\(width)%\"></i></span>"
            + "<span class=\"value\">\(ReportText.escaped(value))</span></div>"
    }

    /// Most recoveries that are listed, the newest.
    private static let mostRecoveries = 100

    var recoverySection: Section? {
        guard !recoveries.isEmpty || lossCount > 0 else { return nil }
        let shown = recoveries.suffix(Self.mostRecoveries)
        let longest = shown.map(\.record.total.value).max() ?? 1
        let items = shown.map {
            Self.recovery($0.record, longest: longest, given: attempt($0.record))
        }
        var text = ""
        if shown.count < recoveries.count {
            text = "<p>The newest \(shown.count) of \(recoveries.count).</p>"
        }
        let key = Self.parts.map {
            "<span><i class=\"swatch \($0.style)\"></i> \($0.name)</span>"
        }
        let other = lossesWithoutRecovery
        return Section(
            id: "recoveries",
            title: "Losses and recoveries",
            body: text
                + (items.isEmpty
                    ? ""
                    : "<p class=\"legend\">\(key.joined(separator: " "))</p>\n"
                        + "<ol class=\"recoveries\">\(items.joined(separator: "\n"))</ol>")
                + other
        )
    }

    /// The time of the attempt that the loss ended, where it did.
    private func attempt(_ record: RecoveryRecord) -> Double? {
        use.attempts.last { $0.step == record.step }?.took
    }

    /// Losses that no recovery names: of nodes without work, or that ended the run.
    private var lossesWithoutRecovery: String {
        let recovered = Set(recoveries.flatMap(\.record.lostNodes))
        let rows = story.events.compactMap { event -> [String]? in
            guard case .nodeLost(let node, let cause) = event.event.content,
                !recovered.contains(node)
            else { return nil }
            return ["\(event.event.step)", "\(node)", cause.causeName, cause.evidence]
        }
        guard !rows.isEmpty else { return "" }
        let columns = [("step", true), ("node", true), ("cause", false), ("evidence", false)]
        return "<h3>Other losses</h3>" + Self.table(columns, rows)
    }

    private static let parts: [(name: String, style: String)] = [
        ("detect", "detect"), ("decide", "decide"), ("rebuild groups", "rebuild"),
        ("copy layers", "transfer"), ("abort and start again", "rest"),
    ]

    /// One recovery: its phases as parts of a bar, whose length is the time, and their numbers.
    private static func recovery(
        _ record: RecoveryRecord,
        longest: Double,
        given: Double?
    ) -> String {
        let known = [record.detect, record.decide, record.rebuild, record.transfer].map(\.value)
        let rest = max(0, record.total.value - known.reduce(0, +))
        let times = known + [rest]
        let bars = zip(parts, times).map { part, time in
            let width = longest > 0 ? (time / longest * 1000).rounded() / 10 : 0
            return "<i class=\"\(part.style)\" style=\"width:\(width)%\"></i>"
        }
        let numbers = zip(parts, times).map { "\($0.name) \(ReportText.seconds($1))" }
        let nodes = record.lostNodes.map(\.description).joined(separator: ", ")
        let lost = "\(record.lostNodes.count == 1 ? "node" : "nodes") \(nodes)"
        let redone = given.map { ", \(ReportText.seconds($0)) of work given up" } ?? ""
        return "<li><p><b>Step \(record.step), \(lost) lost:</b> "
            + "\(ReportText.seconds(record.total.value)) until training resumed, "
            + "\(record.transferBytes) copied\(redone).</p>"
            + "<span class=\"track\">\(bars.joined())</span>"
            + "<p class=\"quiet\">\(numbers.joined(separator: ", ")). "
            + "\(ReportText.escaped(record.reason))</p></li>"
    }
}
