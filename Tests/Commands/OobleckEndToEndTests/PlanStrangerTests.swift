import Foundation
import Testing

/// What `oobleck plan --format json` promises, worked out anew from its words: a reader of the format
/// alone, and every division, every choice of templates and every share of microbatches tried.
@Suite(.timeLimit(.minutes(10))) struct PlanStrangerTests {
    struct Stage: Decodable {
        let firstLayer, endLayer, node, devices: Int
        let forwardSeconds, backwardSeconds: Double
    }
    struct Template: Decodable {
        let nodes: Int
        let iterationSeconds: Double
        let stages: [Stage]
    }
    struct Pipeline: Decodable {
        let templateNodes, microbatches: Int
        let nodes: [Int]
        let pipelineSeconds: Double
    }
    struct Running: Decodable {
        let generation: Int
        let stepSeconds, synchronizationSeconds: Double
        let pipelines: [Pipeline]
    }
    struct Guarantee: Decodable { let minimumNodes, maximumNodes, faultTolerance: Int }
    struct Plan: Decodable {
        let costModel: String
        let devicesPerNode, microbatches: Int
        let guarantee: Guarantee
        let templates: [Template]
        let plan: Running
        let planningSeconds: [String: Double]
    }

    /// A layer as the profile says it.
    struct Layer {
        let forward, backward, reduction: Double
        let parameters, optimizer, activation: Int
    }

    static func layers(_ seed: Int) -> [Layer] {
        (0..<6).map { index in
            let salt = (seed * 31 + index * 17) % 11
            return Layer(
                forward: Double(1 + salt) / 8,
                backward: Double(2 + (salt * 7) % 13) / 8,
                reduction: Double(seed % 3) / 16,
                parameters: 3 + salt % 4,
                optimizer: salt % 5,
                activation: 1 + salt % 3
            )
        }
    }

    private static let memory = 40

    private func plan(_ layers: [Layer], _ arguments: String) throws -> Plan {
        let rows = layers.map {
            """
            {"name": "x", "forward_seconds": \($0.forward), "backward_seconds": \($0.backward),
             "allreduce_in_node_seconds": {"2": \($0.reduction)},
             "allreduce_across_nodes_seconds": {"2": 0.25, "3": 0.5},
             "parameter_bytes": \($0.parameters), "gradient_bytes": 0,
             "optimizer_bytes": \($0.optimizer), "activation_bytes": \($0.activation)}
            """
        }
        let lab = try Laboratory()
        let text = """
            {"version": 1, "model": "m", "microbatch_size": 1,
             "device_memory_bytes": \(Self.memory), "layers": [\(rows.joined(separator: ","))]}
            """
        try text.write(toFile: lab.path("p.json"), atomically: true, encoding: .utf8)
        let words = ["plan", "--profile", lab.path("p.json"), "--format", "json"]
        let outcome = try lab.run(words + arguments.split(separator: " ").map(String.init))
        try #require(outcome.status == 0, "\(outcome.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Plan.self, from: Data(outcome.output.utf8))
    }

    /// w of a stage: F and B over the devices, and the sums among them twice.
    private func work(_ layers: ArraySlice<Layer>, _ devices: Int) -> Double {
        layers.reduce(0) {
            $0 + ($1.forward + $1.backward) / Double(devices)
                + (devices > 1 ? 2 * $1.reduction : 0)
        }
    }

    /// T1, T3, S, k and w_k of stages' w.
    private func path(_ works: [Double]) -> (all: Double, rest: Double, slowest: Double, k: Int) {
        let slowest = works.max() ?? 0
        let k = works.lastIndex(of: slowest) ?? 0
        return (works.reduce(0, +), works[k...].reduce(0, +), slowest, k)
    }

    /// Calls for every division over `nodes` nodes of G devices: its stages by layers and devices.
    private func divisions(
        _ count: Int,
        nodes: Int,
        devices: Int,
        _ found: ([(layers: Range<Int>, devices: Int)]) -> Void
    ) {
        func extend(_ stages: [(layers: Range<Int>, devices: Int)], _ first: Int, _ used: Int) {
            if used == nodes * devices {
                if first == count { found(stages) }
                return
            }
            var width = 1
            while width <= devices - used % devices {
                for end in first..<count {
                    extend(stages + [(first..<end + 1, width)], end + 1, used + width)
                }
                width *= 2
            }
        }
        extend([], 0, 0)
    }

    @Test(
        "every template is the least T over all divisions that fit, and there is one from n_0 on",
        arguments: [0, 1, 2, 3, 4, 5],
        ["sosp23", "sosp23-artifact"]
    )
    func least(seed: Int, model: String) throws {
        let layers = Self.layers(seed)
        let plan = try plan(
            layers,
            "--nodes 4 --devices-per-node 2 --fault-tolerance 0 --cost-model \(model)"
        )
        #expect(plan.costModel == model && plan.devicesPerNode == 2)
        for nodes in 1...4 {
            var least = Double.infinity
            divisions(layers.count, nodes: nodes, devices: 2) { stages in
                for (index, stage) in stages.enumerated() {
                    let part = layers[stage.layers]
                    let state = part.reduce(0) { $0 + $1.parameters + $1.optimizer }
                    let kept = part.reduce(0) { $0 + $1.activation } * (stages.count - index)
                    if state + kept > Self.memory * stage.devices { return }
                }
                let path = path(stages.map { work(layers[$0.layers], $0.devices) })
                let (count, k) = (Double(stages.count), Double(path.k))
                let slots =
                    model == "sosp23"
                    ? 4 * count - count + k - 1 : stages.count == 1 ? 2 : 2 * count + k + 1
                least = min(least, path.all + slots * path.slowest + path.rest)
            }
            let template = plan.templates.first { $0.nodes == nodes }
            guard least < .infinity else {
                #expect(template == nil)
                continue
            }
            let iteration = try #require(template?.iterationSeconds)
            #expect(abs(iteration / least - 1) < 1e-12, "\(nodes) nodes")
            let stages = try #require(template?.stages)
            #expect(stages.map(\.firstLayer) == [0] + stages.dropLast().map(\.endLayer))
            #expect(stages.last?.endLayer == layers.count)
            for node in 0..<nodes {
                #expect(stages.filter { $0.node == node }.reduce(0) { $0 + $1.devices } == 2)
            }
        }
    }

    @Test("the plan is the least step over all choices and shares", arguments: [0, 1, 2, 3, 4, 5])
    func instantiation(seed: Int) throws {
        let (nodes, microbatches) = (7, 9)
        let plan = try plan(Self.layers(seed), "--nodes \(nodes) --microbatches \(microbatches)")
        let times = plan.templates.map { template -> (nodes: Int, time: (Int) -> Double) in
            let path = path(template.stages.map { $0.forwardSeconds + $0.backwardSeconds })
            let shift = path.k - template.stages.count - 1
            return (
                template.nodes,
                { count in
                    path.all
                        + max(0, path.rest + Double(count + shift) * path.slowest)
                }
            )
        }
        /// The least greatest time of pipelines for so many nodes and microbatches, by their count.
        func best(_ from: Int, _ nodes: Int, _ microbatches: Int, _ count: Int) -> [Int: Double] {
            if nodes == 0 { return microbatches == 0 ? [count: 0] : [:] }
            var found: [Int: Double] = [:]
            for index in times.indices.dropFirst(from) where times[index].nodes <= nodes {
                for share in stride(from: 1, through: microbatches, by: 1) {
                    let rest = best(
                        index,
                        nodes - times[index].nodes,
                        microbatches - share,
                        count + 1
                    )
                    for (pipelines, time) in rest {
                        let step = max(time, times[index].time(share))
                        found[pipelines] = min(found[pipelines] ?? .infinity, step)
                    }
                }
            }
            return found
        }
        /// Of layer 0: 2 and 3 nodes are measured, past them the ring formula.
        func synchronization(_ pipelines: Int) -> Double {
            switch pipelines {
            case 1: 0
            case 2: 0.25
            case 3: 0.5
            default: 0.5 * (2 * Double(pipelines - 1) / Double(pipelines)) / (4.0 / 3)
            }
        }
        let steps = best(0, nodes, microbatches, 0).filter { $0.key >= 2 }
            .map { $0.value + synchronization($0.key) }
        let least = try #require(steps.min())
        #expect(abs(plan.plan.stepSeconds / least - 1) < 1e-12)
        let pipelines = plan.plan.pipelines
        #expect(pipelines.reduce(0) { $0 + $1.microbatches } == microbatches)
        #expect(
            pipelines.allSatisfy { $0.microbatches >= 1 && $0.nodes.count == $0.templateNodes }
        )
        #expect(pipelines.flatMap(\.nodes).sorted() == Array(0..<nodes))
        let slowest = try #require(pipelines.map(\.pipelineSeconds).max())
        #expect(plan.plan.stepSeconds == slowest + plan.plan.synchronizationSeconds)
    }

    @Test("every node count of the guarantee is a sum of f + 1 template sizes or more")
    func guarantee() throws {
        for tolerance in 0...2 {
            let plan = try plan(Self.layers(4), "--nodes 9 --fault-tolerance \(tolerance)")
            let sizes = plan.templates.map(\.nodes)
            let least = try #require(sizes.first)
            #expect(plan.guarantee.minimumNodes == (tolerance + 1) * least)
            #expect(plan.guarantee.maximumNodes == 9)
            #expect(plan.guarantee.faultTolerance == tolerance)
            var reached = [Set([0])]
            for nodes in 1...9 {
                reached.append(
                    Set(sizes.filter { $0 <= nodes }.flatMap { reached[nodes - $0].map { $0 + 1 } })
                )
            }
            for nodes in plan.guarantee.minimumNodes...9 {
                #expect(reached[nodes].contains { $0 > tolerance }, "\(nodes) nodes")
            }
        }
    }
}
