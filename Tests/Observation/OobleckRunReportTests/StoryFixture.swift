import OobleckCore
import OobleckTestSupport

@testable import OobleckRunReport

/// The events of made-up runs.
enum StoryFixture: MadeUpEvents {
    static func job(steps: Int = 4) -> JobSpecification {
        SmallJob.job(steps: steps, nodes: 3, faultTolerance: 1)
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
        event(110, 1, 2, recovered(step: 2, [2], reason: "<b>why</b>")),
        event(113, 1, 3, committed(2)),
        event(113.5, 1, 3, .nodeJoined(3, agentPID: 13)),
        event(116, 1, 4, committed(3)),
        event(116, 2, 4, planned(2, [[0, 1, 3]])),
        event(117, 2, 4, .resumed(2)),
        event(119, 2, 5, committed(4)),
        event(120, 2, 5, .finished),
    ]
}
