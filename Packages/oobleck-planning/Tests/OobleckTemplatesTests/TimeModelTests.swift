import OobleckSeeds
import OobleckValues
import Testing

@testable import OobleckTemplates

@Suite(.timeLimit(.minutes(10))) struct TimeModelTests {
    private func template(_ works: [Double]) -> PipelineTemplate {
        let stages = works.enumerated().map { index, work in
            StageTemplate(
                firstLayer: index,
                endLayer: index + 1,
                node: index,
                devices: 1,
                forward: Seconds(work / 4),
                backward: Seconds(work * 3 / 4)
            )
        }
        return PipelineTemplate(nodes: works.count, iteration: 0, stages: stages)
    }

    @Test("equal stages take (m + S - 1) w, from S microbatches on")
    func equalStages() {
        for stageCount in 1...6 {
            let template = template(Array(repeating: 8, count: stageCount))
            for microbatches in stageCount...20 {
                let time = pipelineTime(template, microbatches: microbatches, costModel: .sosp23)
                #expect(time.value == Double(microbatches + stageCount - 1) * 8)
            }
        }
    }

    @Test("worked by hand: w = 4, 8, 8, 4 has k = 2")
    func byHand() {
        let template = template([4, 8, 8, 4])
        // T1 = 24, T3 = 12, S = 4: 36 + (m - 4 + 2 - 1) 8.
        #expect(pipelineTime(template, microbatches: 10, costModel: .sosp23) == 92)
        #expect(pipelineTime(template, microbatches: 10, costModel: .sosp23Artifact) == 92)
        // m = 1: 36 - 16 = 20, but no less than T1.
        #expect(pipelineTime(template, microbatches: 1, costModel: .sosp23) == 24)
        // T2 = (16 - 4 + 2 - 1) 8 = 104, or (8 + 2 + 1) 8 = 88 in the artifact.
        #expect(iterationTime(stages: template.stages, costModel: .sosp23) == 140)
        #expect(iterationTime(stages: template.stages, costModel: .sosp23Artifact) == 124)
    }

    @Test("the artifact charges a single stage 2 w for T2")
    func singleStage() {
        let stages = template([8]).stages
        #expect(iterationTime(stages: stages, costModel: .sosp23Artifact) == 32)
        #expect(iterationTime(stages: stages, costModel: .sosp23) == 32)
    }

    @Test("all-reduce times: measured, between, before the first, past the last")
    func allReduce() {
        let layer = LayerProfile(
            name: "l",
            forward: 1,
            backward: 1,
            allReduceInNode: [2: 3, 4: 5],
            allReduceAcrossNodes: [3: 6, 5: 12]
        )
        #expect(layer.allReduceTime(amongDevices: 1) == 0)
        #expect(layer.allReduceTime(amongDevices: 4) == 5)
        #expect(layer.allReduceTime(amongNodes: 1) == 0)
        #expect(layer.allReduceTime(amongNodes: 3) == 6)
        #expect(layer.allReduceTime(amongNodes: 4) == 9)
        // Between one node, which takes no time, and the first entry.
        #expect(layer.allReduceTime(amongNodes: 2) == 3)
        // Ring: 12 s move 2 * 4/5 of the bytes; 10 nodes move 2 * 9/10: 13.5 s.
        #expect(abs(layer.allReduceTime(amongNodes: 10).value - 13.5) < 1e-12)
        let unmeasured = LayerProfile(name: "l", forward: 1, backward: 1)
        #expect(unmeasured.allReduceTime(amongNodes: 7) == 0)
    }

    @Test("a stage's memory counts activations once for each microbatch in flight")
    func memory() throws {
        let layer = LayerProfile(
            name: "l",
            forward: 1,
            backward: 1,
            parameterBytes: 10,
            optimizerBytes: 20,
            activationBytes: 7
        )
        let profile = ModelProfile(
            model: "m",
            microbatchSize: 1,
            deviceMemory: 101,
            layers: [layer, layer]
        )
        let costs = try StageCosts(profile: profile, devicesPerNode: 1)
        // Absent gradient bytes are as many as parameters: 2 (10 + 10 + 20) + 14 in flight.
        #expect(costs.memory(0..<2, microbatchesInFlight: 1) == 94)
        #expect(costs.fits(0..<2, devices: 1, microbatchesInFlight: 1))
        #expect(!costs.fits(0..<2, devices: 1, microbatchesInFlight: 2))
    }

    /// A profile with random sizes and a memory rule.
    private func randomProfile(_ generator: inout SeededGenerator) -> ModelProfile {
        func bytes(_ most: Int) -> ByteCount {
            ByteCount(Int.random(in: 0...most, using: &generator))
        }
        return ModelProfile(
            model: "m",
            microbatchSize: 1,
            deviceMemory: ByteCount(Int.random(in: 500...4000, using: &generator)),
            memoryRule: MemoryRule(
                processBytes: bytes(200),
                boundaryTensors: Int.random(in: 0...3, using: &generator),
                stateCopiesTraining: Int.random(in: 0...1, using: &generator),
                stateCopiesChanging: Int.random(in: 0...3, using: &generator)
            ),
            layers: (0..<7).map { layer in
                LayerProfile(
                    name: "\(layer)",
                    forward: 1,
                    backward: 1,
                    parameterBytes: bytes(90),
                    optimizerBytes: bytes(180),
                    activationBytes: bytes(100),
                    outputBytes: bytes(50),
                    workspaceBytes: bytes(300)
                )
            }
        )
    }

    @Test("the memory of a stage is what the rule says, and what fits is what it allows")
    func memoryRule() throws {
        var generator = SeededGenerator(Seed(value: 14))
        for _ in 0..<60 {
            let profile = randomProfile(&generator)
            let costs = try StageCosts(profile: profile, devicesPerNode: 1)
            let limit = try #require(profile.deviceMemory)
            for first in 0..<7 {
                for end in (first + 1)...7 {
                    let needs = (0...12).map {
                        profile.memory(ofLayers: first..<end, inFlight: $0).total
                    }
                    for (inFlight, need) in needs.enumerated() {
                        #expect(costs.memory(first..<end, microbatchesInFlight: inFlight) == need)
                    }
                    let most = needs.lastIndex { $0 <= limit } ?? 0
                    #expect(min(costs.mostInFlight(first..<end, devices: 1), 12) == most)
                }
            }
        }
    }

    @Test("the greatest of a run of numbers")
    func rangeMaxima() {
        let numbers = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
        let maxima = RangeMaxima(numbers)
        for first in 0...numbers.count {
            for end in first...numbers.count {
                #expect(maxima.maximum(first..<end) == numbers[first..<end].max() ?? 0)
            }
        }
        #expect(RangeMaxima([]).maximum(0..<0) == 0)
    }

    @Test("byte counts whose sum overflows are bad input, not a crash")
    func overflow() {
        let layer = LayerProfile(
            name: "l",
            forward: 1,
            backward: 1,
            parameterBytes: ByteCount(Int.max)
        )
        let profile = ModelProfile(model: "m", microbatchSize: 1, layers: [layer, layer])
        let error = #expect(throws: OobleckError.self) {
            try TemplateGenerator(profile: profile)
        }
        #expect(error?.code == .inputData)
    }
}
