import OobleckSchedule
import OobleckValues

/// When the gradient sums of a step are complete, beside the backward passes (cost model
/// `schedule`).
///
/// As in the engine (`GradientSums`, `StepRunner`), a worker starts a layer's all-reduce when
/// the layer's last backward pass ends there. The all-reduce begins when all that hold the layer have
/// reached it, one in each pipeline, and takes what the profile measured among as many nodes. A node
/// does one after the other, from its last layer to its first, and at the end that of the
/// parameters that the first and the last layer share, among all holders of either.
struct GradientSynchronization: Sendable {
    /// Pipelines that are alike: they reach everything at the same times.
    struct Group {
        var template: Int
        var microbatches: Int
        var pipelines: Int
    }

    /// Sorts pipelines, given by their templates and microbatches, into groups.
    static func groups(_ templates: [Int], _ microbatches: [Int]) -> [Group] {
        var groups: [Group] = []
        for (template, count) in zip(templates, microbatches).sorted(by: { $0 < $1 }) {
            if let last = groups.last, last.template == template, last.microbatches == count {
                groups[groups.count - 1].pipelines += 1
            } else {
                groups.append(Group(template: template, microbatches: count, pipelines: 1))
            }
        }
        return groups
    }

    /// Where a layer is, and how long before the stage's end its last backward pass ends.
    private struct Place {
        let stage: Int
        let node: Int
        let lead: Double
    }

    private let layers: [LayerProfile]
    private let tied: LayerProfile?
    private let stages: [[StageTime]]
    /// By template and layer.
    private let places: [[Place]]
    private let nodeCounts: [Int]

    init(_ templates: [PipelineTemplate], profile: ModelProfile) {
        layers = profile.layers
        tied = profile.tiedAllReduceAcrossNodes.map {
            LayerProfile(name: "", forward: .zero, backward: .zero, allReduceAcrossNodes: $0)
        }
        stages = templates.map { $0.stages.map { StageTime($0) } }
        nodeCounts = templates.map(\.nodes)
        let profiled = profile.layers
        places = templates.map { template in
            template.stages.enumerated().flatMap { index, stage in
                var lead = 0.0
                return stage.layers.map { layer in
                    defer {
                        lead += profiled[layer].backward.value / Double(stage.devices)
                        lead += profiled[layer].allReduceTime(amongDevices: stage.devices).value
                    }
                    return Place(stage: index, node: stage.node, lead: lead)
                }
            }
        }
    }

    /// From the end of the slowest pipeline to the last sum; no less than what is left for any
    /// microbatches and templates, ``least(pipelines:)``.
    func remaining(_ groups: [Group]) -> Seconds {
        let ends = groups.map {
            ScheduleMakespans.stageEnds(
                stages: stages[$0.template],
                microbatches: $0.microbatches
            )
        }
        let slowest = ends.map { $0[0].value }.max() ?? 0
        let pipelines = groups.reduce(0) { $0 + $1.pipelines }
        // Until when each node of a pipeline of each group is busy with sums.
        var busy = groups.map { [Double](repeating: 0, count: nodeCounts[$0.template]) }
        for layer in layers.indices.reversed() {
            let time = own(layer, pipelines: pipelines)
            var start = 0.0
            for (group, kind) in groups.enumerated() {
                let place = places[kind.template][layer]
                let ready = ends[group][place.stage].value - place.lead
                start = max(start, ready, busy[group][place.node])
            }
            for (group, kind) in groups.enumerated() {
                busy[group][places[kind.template][layer].node] = start + time
            }
        }
        var last = busy.reduce(slowest) { max($0, $1.max() ?? 0) }
        if let tied {
            var holders = 0
            var start = 0.0
            for (group, kind) in groups.enumerated() {
                // A node that holds both counts once; its last backward pass is its first stage's.
                let nodes = Set([places[kind.template][0].node, nodeCounts[kind.template] - 1])
                holders += kind.pipelines * nodes.count
                for node in nodes {
                    let stage = places[kind.template].first { $0.node == node }?.stage ?? 0
                    start = max(start, ends[group][stage].value, busy[group][node])
                }
            }
            last = max(last, start + tied.allReduceTime(amongNodes: holders).value)
        }
        return Seconds(last - slowest)
    }

    /// The least time that can remain with `pipelines` pipelines.
    ///
    /// The sums of layer 0 begin only when the slowest pipeline has ended; those of the shared
    /// parameters follow.
    func least(pipelines: Int) -> Seconds {
        guard let tied else { return Seconds(own(0, pipelines: pipelines)) }
        let holders = nodeCounts.contains(1) ? pipelines : 2 * pipelines
        // More holders never take less, as far as the profile was measured or the ring formula goes.
        let shared = (holders...2 * pipelines).map { tied.allReduceTime(amongNodes: $0).value }
            .min()
        return Seconds(own(0, pipelines: pipelines) + (shared ?? 0))
    }

    /// A layer's all-reduce without what is shared, which the profile's entries contain.
    private func own(_ layer: Int, pipelines: Int) -> Double {
        let all = layers[layer].allReduceTime(amongNodes: pipelines).value
        guard let tied, layer == 0 || layer == layers.count - 1 else { return all }
        return max(0, all - tied.allReduceTime(amongNodes: pipelines).value)
    }
}
