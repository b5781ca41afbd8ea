import OobleckSchedule
public import OobleckValues

/// The quantities of a division into stages that the cost models are made of (paper, section 4.1).
struct CriticalPath {
    /// S.
    let stageCount: Int
    /// T1: the sum of all w = F + B.
    let total: Double
    /// k: the slowest stage, the rightmost on a tie.
    let slowestStage: Int
    /// w of the slowest stage.
    let slowest: Double
    /// T3: the sum of w from stage k to the last.
    let tail: Double

    init(_ stages: [StageTemplate]) {
        precondition(!stages.isEmpty, "a pipeline has at least one stage")
        let works = stages.map { $0.forward.value + $0.backward.value }
        var slowestStage = 0
        for (stage, work) in works.enumerated() where work >= works[slowestStage] {
            slowestStage = stage
        }
        stageCount = stages.count
        total = works.reduce(0, +)
        self.slowestStage = slowestStage
        slowest = works[slowestStage]
        tail = works[slowestStage...].reduce(0, +)
    }
}

/// The cost model's T of a division into stages, which templates minimise
/// (`Documentation/Planner.md`, P4 and P5): at four microbatches a stage, under `schedule` at four
/// a device, equal for all divisions.
package func iterationTime(stages: [StageTemplate], costModel: CostModel) -> Seconds {
    let path = CriticalPath(stages)
    let slots: Int
    switch costModel {
    case .sosp23:
        slots = 4 * path.stageCount - path.stageCount + path.slowestStage - 1
    case .sosp23Artifact:
        slots = path.stageCount == 1 ? 2 : 2 * path.stageCount + path.slowestStage + 1
    case .schedule:
        let devices = stages.reduce(0) { $0 + $1.devices }
        return Seconds(
            scheduleTime(
                of: stages.map { StageTime($0) },
                microbatches: scheduleMicrobatches(devices: devices)
            )
        )
    }
    return Seconds(path.total + Double(slots) * path.slowest + path.tail)
}

/// Time of one step's forward and backward passes of a pipeline with that many microbatches,
/// nondecreasing in m: under `schedule` the makespan, else max(T1, T1 + T3 + (m - S + k - 1) w_k)
/// (`Documentation/Planner.md`, P9).
package func pipelineTime(
    _ template: PipelineTemplate,
    microbatches: Int,
    costModel: CostModel
) -> Seconds {
    switch costModel {
    case .sosp23, .sosp23Artifact:
        pipelineTime(CriticalPath(template.stages), microbatches: microbatches)
    case .schedule:
        Seconds(
            scheduleTime(
                of: template.stages.map { StageTime($0) },
                microbatches: microbatches
            )
        )
    }
}

extension PipelineTemplate {
    /// The cost model's T of these stages, which templates minimise (`Documentation/Planner.md`, P4, P5).
    public func iterationTime(costModel: CostModel) -> Seconds {
        OobleckTemplates.iterationTime(stages: stages, costModel: costModel)
    }

    /// Time of one step's forward and backward passes with that many microbatches
    /// (`Documentation/Planner.md`, P9).
    public func pipelineTime(microbatches: Int, costModel: CostModel) -> Seconds {
        OobleckTemplates.pipelineTime(self, microbatches: microbatches, costModel: costModel)
    }
}

/// The same for a path that is already known.
func pipelineTime(_ path: CriticalPath, microbatches: Int) -> Seconds {
    let slots = microbatches - path.stageCount + path.slowestStage - 1
    let time = path.total + path.tail + Double(slots) * path.slowest
    return Seconds(max(path.total, time))
}
