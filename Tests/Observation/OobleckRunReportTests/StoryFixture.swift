import OobleckCore
import OobleckTestSupport

@testable import OobleckRunReport

/// The events of made-up runs.
enum StoryFixture {
    static func job(steps: Int = 4) -> JobSpecification {
        SmallJob.job(steps: steps, nodes: 3, faultTolerance: 1)
    }

    static func event(
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

    static func planned(_ generation: Int, _ layout: [[NodeID]]?) -> RunEvent.Content {
        .planned(
            PlannedGeneration(
                generation: Generation(generation),
                nodes: 0,
                pipelines: layout?.count ?? 0,
                reason: "why",
                layout: layout
            )
        )
    }

    static func recovered(step: Int, _ nodes: [NodeID]) -> RunEvent.Content {
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
                reason: "<b>why</b>"
            )
        )
    }

    static func committed(_ step: Int) -> RunEvent.Content {
        .committed(step: step, loss: 2, isSkipped: false)
    }

    /// Three nodes in two pipelines; node 2 is lost in the third step, node 3 joins after it.
    static let lossAndJoin: [TimedEvent] = [
        event(100, 0, 0, .nodeJoined(1, agentPID: 11)),
        event(100, 0, 0, .nodeJoined(2, agentPID: 12)),
        event(101, 0, 0, .nodeJoined(0, agentPID: 10)),
        event(102, 0, 0, planned(0, [[0], [1, 2]])),
        event(103, 0, 0, .resumed(0)),
        event(105, 0, 1, committed(0)),
        event(107, 0, 2, committed(1)),
        event(108, 0, 2, .nodeLost(2, .reported(evidence: "killed"))),
        event(108, 0, 2, .aborted(0, reason: "lost node 2")),
        event(108, 1, 2, planned(1, [[0, 1]])),
        event(110, 1, 2, recovered(step: 2, [2])),
        event(113, 1, 3, committed(2)),
        event(113.5, 1, 3, .nodeJoined(3, agentPID: 13)),
        event(116, 1, 4, committed(3)),
        event(116, 2, 4, planned(2, [[0, 1, 3]])),
        event(117, 2, 4, .resumed(2)),
        event(119, 2, 5, committed(4)),
        event(120, 2, 5, .finished),
    ]
}
