import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport

@testable import OobleckDashboard

/// Events and metrics of made-up runs, and directories that have them.
enum MadeUpRun: MadeUpEvents {
    static func line(_ step: Int, at time: Double, took: Double, rate: Double) -> MetricsLine {
        var line = MetricsLine(step: step, time: Seconds(time))
        (line.stepTime, line.tokensPerSecond) = (Seconds(took), rate)
        return line
    }

    /// Two nodes in two pipelines; node 1 is lost in the third step, node 2 joins after it.
    static let lossAndJoin: [TimedEvent] = [
        event(100, 0, 0, .nodeJoined(0, agentPID: 10)),
        event(100, 0, 0, .nodeJoined(1, agentPID: 11)),
        event(102, 0, 0, planned(0, [[0], [1]])),
        event(103, 0, 0, .resumed(0)),
        event(105, 0, 1, committed(0, loss: 4)),
        event(107, 0, 2, committed(1, loss: 3)),
        event(108, 0, 2, .nodeLost(1, .reported(evidence: "killed"))),
        event(108, 0, 2, .aborted(0, reason: "lost node 1")),
        event(108, 1, 2, planned(1, [[0]])),
        event(110, 1, 2, recovered(step: 2, [1])),
        event(113, 1, 3, committed(2, loss: 2)),
        event(113.5, 1, 3, .nodeJoined(2, agentPID: 12)),
    ]

    /// The directory of a run with these files, as if its process had ended.
    static func directory(
        in folder: TemporaryFolder,
        _ name: String = "run",
        events: [TimedEvent] = lossAndJoin,
        metrics: [MetricsLine] = [],
        status: RunStatus? = nil
    ) throws -> RunDirectory {
        let directory = try RunDirectory.create(
            path: "\(folder.path)/\(name)",
            job: SmallJob.job(steps: 9, nodes: 2, faultTolerance: 1),
            configText: ""
        )
        let text = events.map { $0.text + "\n" }.joined()
        _ = try folder.write("\(name)/events.jsonl", text)
        _ = try folder.write("\(name)/metrics.jsonl", metrics.map { $0.text + "\n" }.joined())
        if let status { try directory.write(status) }
        directory.release()
        return directory
    }
}
