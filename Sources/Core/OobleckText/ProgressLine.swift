import OobleckCore

/// The progress of a run in one line; the least important parts are omitted if space is short.
package struct ProgressLine: Sendable {
    private var parts = TextParts()

    /// The line of a status.
    ///
    /// `stepTime` is how long each step that is left will take, and `running` how long the one in flight has
    /// been running, where that is unusual.
    package init(_ status: RunStatus, stepTime: Seconds?, running: Seconds? = nil) {
        add("step \(status.step)/\(status.steps)", weight: 9)
        if let trouble = status.storageTrouble {
            add("waiting for storage (\(trouble))", weight: 8)
            return
        }
        guard let loss = status.loss,
            [.training, .evaluating, .reconfiguring].contains(status.phase)
        else {
            add(status.phase.rawValue, weight: 8)
            if status.phase == .starting {
                let ready = status.nodes.count { $0.state == .healthy }
                add("\(counted(ready, "node")) ready", weight: 7)
            }
            return
        }
        add("loss \(NumberText.decimal(loss, 3))", weight: 7)
        if let loss = status.validationLoss {
            add("validation \(NumberText.decimal(loss, 3))", weight: 5)
        }
        if status.phase == .evaluating { add("evaluating", weight: 8) }
        if let rate = status.tokensPerSecond { add("\(NumberText.short(rate)) tok/s", weight: 4) }
        let alive = status.nodes.count { $0.state.isAlive }
        // At the end all that took part are done.
        add("nodes \(alive > 0 ? alive : status.nodes.count { $0.state == .done })", weight: 5)
        add("pipelines \(status.pipelines)", weight: 3)
        if let idle = status.idleShare { add("idle \(Int((idle * 100).rounded()))%", weight: 2) }
        if let stepTime {
            let left = Seconds(Double(status.steps - status.step) * stepTime.value)
            add("ETA \(NumberText.clock(left))", weight: 8)
        }
        if let running { add("this step \(NumberText.clock(running))", weight: 6) }
    }

    /// The whole line, or with a limit as much of it as fits into `limit` columns.
    package func text(limit: Int?) -> String { parts.text(limit: limit) }

    private mutating func add(_ text: String, weight: Int) { parts.add(text, weight: weight) }
}
