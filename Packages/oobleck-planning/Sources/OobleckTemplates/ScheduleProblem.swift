import OobleckSchedule
import OobleckValues

/// What cost model `schedule` minimises for one count of devices: the makespan of a division.
struct ScheduleProblem {
    let costs: StageCosts
    let stages: SearchStages
    /// D.
    let devices: Int
    /// m.
    let microbatches: Int

    init(costs: StageCosts, stages: SearchStages, nodes: Int) {
        self.costs = costs
        self.stages = stages
        devices = nodes * costs.devicesPerNode
        microbatches = scheduleMicrobatches(devices: devices)
    }

    /// No division has more stages.
    var mostStages: Int { min(devices, stages.layerCount) }

    /// The devices that a stage may use on the node of the last of `devices` devices, if it ends
    /// there.
    func room(_ devices: Int) -> Int {
        let filled = devices % stages.devicesPerNode
        return filled == 0 ? stages.devicesPerNode : filled
    }

    /// The times of a stage up to whose end `devicesUsed` devices are used, its own included.
    func time(_ layers: Range<Int>, devices: Int, devicesUsed: Int) -> StageTime {
        StageTime(
            forward: costs.forward(layers, devices: devices),
            backward: costs.backward(layers, devices: devices),
            handover: costs.handover(before: layers.upperBound, devicesUsed: devicesUsed)
        )
    }

    /// O(S m + S^2).
    func makespan(_ division: [SearchChoice]) -> Double {
        var (first, used) = (0, 0)
        let times = division.map { choice in
            defer { first = choice.end }
            let devices = costs.widths[choice.widthIndex]
            used += devices
            return time(first..<choice.end, devices: devices, devicesUsed: used)
        }
        return scheduleTime(of: times, microbatches: microbatches)
    }
}

/// A division and its makespan.
struct ScheduleDivision {
    var time: Double
    var stages: [SearchChoice]

    /// Relative differences that rounding makes of sums of a model's layers.
    private static let margin = 1e-12

    /// Makespans from here on are no better.
    var limit: Double { time * (1 - Self.margin) }
}

/// The microbatches at which cost model `schedule` compares divisions over a number of devices:
/// four for each device, whatever the count of stages.
func scheduleMicrobatches(devices: Int) -> Int { 4 * devices }

/// The makespan of these stages.
func scheduleTime(of stages: [StageTime], microbatches: Int) -> Double {
    var walk = ScheduleMakespans(stages: stages)
    for _ in 0..<microbatches { walk.advance() }
    return walk.makespan().value
}
