import OobleckCore
import OobleckFigures
import OobleckPlanning
import OobleckSchedule

extension PlanDocument {
    /// The chart of ``kinds``.
    package func scheduleChart(model: String) -> ScheduleChart {
        ScheduleChart(
            title: "\(model): one step of \(counted(microbatches, "microbatch")) on "
                + "\(counted(plan.nodes.count, "node")), "
                + Set(kinds.map(\.schedule.rawValue)).sorted().joined(separator: " and "),
            rows: kinds.map { kind in
                let copies = kind.pipelines.count
                return ScheduleChart.Row(
                    title: (copies > 1 ? "\(counted(copies, "pipeline"))" : "1 pipeline")
                        + " of \(counted(kind.template.nodes, "node")), "
                        + "\(counted(kind.microbatches, "microbatch"))"
                        + (copies > 1 ? " each" : ""),
                    stageNames: kind.template.stages.enumerated().map { index, stage in
                        "stage \(index), layers \(stage.firstLayer)-\(stage.endLayer - 1)"
                    },
                    stages: kind.stageTimes,
                    microbatches: kind.microbatches,
                    schedule: kind.schedule
                )
            }
        )
    }
}
