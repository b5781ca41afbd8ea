import OobleckCore

/// Short forms of the events that made-up runs consist of, for the fixtures that conform.
package protocol MadeUpEvents {}

extension MadeUpEvents {
    /// An event at a time in seconds, both on the calendar and since some start.
    package static func event(
        _ time: Double,
        _ generation: Int,
        _ step: Int,
        _ content: RunEvent.Content
    ) -> TimedEvent {
        TimedEvent(
            RunEvent(generation: Generation(generation), step: step, content),
            time: Seconds(time),
            monotonic: Seconds(time)
        )
    }

    /// A plan with these nodes in each pipeline; `nil` does not tell them.
    package static func planned(_ generation: Int, _ layout: [[NodeID]]?) -> RunEvent.Content {
        .planned(
            PlannedGeneration(
                generation: Generation(generation),
                nodes: layout?.reduce(0) { $0 + $1.count } ?? 0,
                pipelines: layout?.count ?? 0,
                reason: "why",
                layout: layout
            )
        )
    }

    /// A recovery of two seconds from the loss of these nodes.
    package static func recovered(
        step: Int,
        _ nodes: [NodeID],
        reason: String = "why"
    ) -> RunEvent.Content {
        .recovered(
            RecoveryRecord(
                step: step,
                lostNodes: nodes,
                detect: 0.5,
                decide: 0.1,
                rebuild: 0.2,
                transfer: 0.3,
                transferBytes: 1000,
                total: 2,
                reason: reason
            )
        )
    }

    /// A step that counts.
    package static func committed(_ step: Int, loss: Double = 2) -> RunEvent.Content {
        .committed(step: step, loss: loss, isSkipped: false)
    }
}
