import OobleckSchedule
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct OneForwardOneBackwardTests {
    @Test("the schedule of four stages and six microbatches is the published one")
    func example() {
        func text(_ stage: Int) -> String {
            OneForwardOneBackward.instructions(stage: stage, stageCount: 4, microbatches: 6)
                .map(\.description).joined(separator: " ")
        }
        #expect(text(0) == "F0 F1 F2 F3 B0 F4 B1 F5 B2 B3 B4 B5")
        #expect(text(1) == "F0 F1 F2 B0 F3 B1 F4 B2 F5 B3 B4 B5")
        #expect(text(3) == "F0 B0 F1 B1 F2 B2 F3 B3 F4 B4 F5 B5")
    }

    @Test("each microbatch goes forward once, then backward once, in order", arguments: 1...8)
    func order(stageCount: Int) {
        for microbatches in 0...12 {
            for stage in 0..<stageCount {
                let instructions = OneForwardOneBackward.instructions(
                    stage: stage,
                    stageCount: stageCount,
                    microbatches: microbatches
                )
                #expect(instructions.count == 2 * microbatches)
                var forward = 0
                var backward = 0
                for instruction in instructions {
                    switch instruction {
                    case .forward(let microbatch):
                        #expect(microbatch == forward)
                        forward += 1
                    case .backward(let microbatch):
                        #expect(microbatch == backward)
                        backward += 1
                    }
                    #expect(backward <= forward)
                    #expect(forward - backward <= stageCount - stage)
                }
                #expect(forward == microbatches && backward == microbatches)
            }
        }
    }

    @Test("stages that hand over at any moment never wait for each other forever")
    func noDeadlock() {
        for stageCount in 1...8 {
            for microbatches in 1...12 {
                let seed = Seed(value: UInt64(stageCount * 100 + microbatches))
                var pipeline = HandoverSimulation(stageCount, microbatches)
                var random = SeededGenerator(seed)
                let finishes = pipeline.run(&random)
                #expect(finishes, "\(seed)")
            }
        }
    }
}

/// Stages that take turns at random, each with queues of what its neighbours sent.
private struct HandoverSimulation {
    private var left: [[Instruction]]
    private var activations: [Set<Int>]
    private var gradients: [Set<Int>]

    init(_ stageCount: Int, _ microbatches: Int) {
        left = (0..<stageCount).map {
            OneForwardOneBackward.instructions(
                stage: $0,
                stageCount: stageCount,
                microbatches: microbatches
            )
        }
        activations = Array(repeating: [], count: stageCount)
        gradients = activations
        activations[0] = Set(0..<microbatches)
    }

    /// Whether all stages finish.
    mutating func run(_ random: inout SeededGenerator) -> Bool {
        while left.contains(where: { !$0.isEmpty }) {
            let able = left.indices.filter { canRun($0) }
            guard let stage = able.randomElement(using: &random) else { return false }
            switch left[stage].removeFirst() {
            case .forward(let microbatch):
                activations[stage].remove(microbatch)
                if stage + 1 < left.count {
                    activations[stage + 1].insert(microbatch)
                } else {
                    gradients[stage].insert(microbatch)
                }
            case .backward(let microbatch):
                gradients[stage].remove(microbatch)
                if stage > 0 { gradients[stage - 1].insert(microbatch) }
            }
        }
        return true
    }

    private func canRun(_ stage: Int) -> Bool {
        switch left[stage].first {
        case .forward(let microbatch): activations[stage].contains(microbatch)
        case .backward(let microbatch): gradients[stage].contains(microbatch)
        case nil: false
        }
    }
}
