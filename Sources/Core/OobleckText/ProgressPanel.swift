import OobleckCore

/// The progress of a run in two lines at the bottom of a terminal: how far it is, and how it goes.
///
/// No line is wider than the terminal; the least important parts are left out where it is narrow.
package struct ProgressPanel: Sendable {
    /// What the status does not say.
    package struct Measures: Sendable {
        /// How long each step that is left will take, recoveries included.
        package var stepTime: Seconds?
        /// How long the step in flight has been running, where that is unusual.
        package var running: Seconds?
        /// Time since the start.
        package var elapsed: Seconds?
        package var learningRate: Double?
        package var utilization: Double?

        /// Nothing is known.
        package init() {}
    }

    /// Columns of the bar.
    private static let barColumns = 8...40
    /// The bar in ASCII, for terminals that show nothing else.
    private static let plain = (full: "#", empty: ".")
    /// Eighths of a column.
    private static let eighths = [
        "", "\u{258F}", "\u{258E}", "\u{258D}", "\u{258C}", "\u{258B}", "\u{258A}", "\u{2589}",
    ]

    private var first = TextParts()
    private var second = TextParts()
    private let share: Double
    private let isPlain: Bool

    /// The panel of a status; in ASCII alone if it `isPlain`.
    package init(_ status: RunStatus, _ measures: Measures, isPlain: Bool) {
        self.isPlain = isPlain
        let steps = max(1, status.steps)
        share = min(1, max(0, Double(status.step) / Double(steps)))
        first.add("step \(status.step)/\(status.steps)", weight: 9)
        let isAtWork = [.training, .evaluating, .reconfiguring].contains(status.phase)
        if isAtWork, status.loss != nil, let stepTime = measures.stepTime {
            let left = Seconds(Double(status.steps - status.step) * stepTime.value)
            first.add("ETA \(NumberText.clock(left))", weight: 8)
        }
        if let elapsed = measures.elapsed {
            first.add("elapsed \(NumberText.clock(elapsed))", weight: 3)
        }
        if let running = measures.running {
            first.add("this step \(NumberText.clock(running))", weight: 6)
        }
        if let trouble = status.storageTrouble {
            second.add("waiting for storage (\(trouble))", weight: 9)
            return
        }
        guard isAtWork, let loss = status.loss else {
            second.add(status.phase.rawValue, weight: 9)
            guard status.phase == .starting else { return }
            let ready = status.nodes.count { $0.state == .healthy }
            second.add("\(counted(ready, "node")) ready", weight: 8)
            return
        }
        if status.phase != .training { second.add(status.phase.rawValue, weight: 8) }
        second.add("loss \(NumberText.decimal(loss, 3))", weight: 9)
        if let loss = status.validationLoss {
            second.add("validation \(NumberText.decimal(loss, 3))", weight: 5)
        }
        if let rate = measures.learningRate {
            second.add("lr \(NumberText.power(rate))", weight: 2)
        }
        if let rate = status.tokensPerSecond {
            second.add("\(NumberText.short(rate)) tok/s", weight: 6)
        }
        if let utilization = measures.utilization {
            second.add("MFU \(NumberText.percent(utilization))", weight: 4)
        }
        second.add("nodes \(status.nodes.count { $0.state.isAlive })", weight: 7)
        second.add("pipelines \(status.pipelines)", weight: 3)
        if let idle = status.idleShare {
            second.add("idle \(NumberText.percent(idle))", weight: 1)
        }
    }

    /// The two lines, each of at most `limit` columns.
    package func lines(limit: Int) -> [String] {
        // As wide as the terminal lets it be, so that it does not jump with the texts beside it.
        let columns = min(Self.barColumns.upperBound, limit / 3)
        let room = limit - columns - 2
        let hasBar = columns >= Self.barColumns.lowerBound
        let text = first.text(limit: hasBar ? room : limit)
        return [hasBar ? "\(bar(columns))  \(text)" : text, second.text(limit: limit)]
    }

    private func bar(_ columns: Int) -> String {
        if isPlain {
            let full = Int(share * Double(columns))
            return String(repeating: Self.plain.full, count: full)
                + String(repeating: Self.plain.empty, count: columns - full)
        }
        let eighths = Int(share * Double(columns * 8))
        let (full, rest) = (eighths / 8, Self.eighths[eighths % 8])
        return String(repeating: "\u{2588}", count: full) + rest
            + String(repeating: "\u{2591}", count: columns - full - rest.count)
    }
}
