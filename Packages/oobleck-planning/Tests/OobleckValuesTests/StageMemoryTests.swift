import Foundation
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct StageMemoryTests {
    private static let layers = (0..<3).map { layer in
        LayerProfile(
            name: "\(layer)",
            forward: 1,
            backward: 1,
            parameterBytes: 100,
            gradientBytes: 200,
            optimizerBytes: 200,
            activationBytes: ByteCount(10 * (layer + 1)),
            outputBytes: ByteCount([7, 5, 1][layer]),
            workspaceBytes: ByteCount([40, 90, 60][layer])
        )
    }

    private func profile(_ rule: MemoryRule?) -> ModelProfile {
        ModelProfile(model: "m", microbatchSize: 1, memoryRule: rule, layers: Self.layers)
    }

    @Test("without a rule: state, gradients, activations in flight, and the largest workspace")
    func published() {
        let memory = profile(nil).memory(ofLayers: 1..<3, inFlight: 2)
        #expect(memory.state == 600)
        #expect(memory.gradients == 400)
        #expect(memory.activations == 100)
        #expect(memory.workspace == 90)
        #expect(memory.total == 1190)
    }

    @Test("a rule adds the process, boundary tensors and copies")
    func rule() {
        var rule = MemoryRule(
            processBytes: 1000,
            boundaryTensors: 3,
            stateCopiesTraining: 1,
            stateCopiesChanging: 1
        )
        var memory = profile(rule).memory(ofLayers: 1..<3, inFlight: 2)
        // Layer 1 takes in 7 bytes and gives 5.
        #expect(memory.activations == 135, "two of 50, and five tensors of 7")
        #expect(memory.checkpoint == 600)
        #expect(memory.change == 0, "one copy fits where gradients and activations were")
        #expect(memory.total == 2825)

        rule.stateCopiesTraining = 0
        rule.stateCopiesChanging = 2
        memory = profile(rule).memory(ofLayers: 1..<3, inFlight: 2)
        #expect(memory.change == 575)
        #expect(memory.total == 2800)
    }

    @Test("a rule that makes no sense is refused with what would be right")
    func refused() throws {
        func message(_ rule: MemoryRule) -> String {
            do {
                try profile(rule).validate()
                return "valid"
            } catch {
                return "\(error)"
            }
        }
        var rule = MemoryRule(
            processBytes: 1,
            boundaryTensors: 8,
            stateCopiesTraining: 0,
            stateCopiesChanging: 1
        )
        #expect(message(rule) == "valid")
        rule.stateCopiesChanging = -1
        #expect(
            message(rule)
                == "memory_rule: state_copies_changing is -1; it must be from 0 to 10"
        )
        rule.stateCopiesChanging = 1
        rule.processBytes = -5
        #expect(message(rule).hasPrefix("memory_rule: process_bytes is -5; it must be"))
    }

    @Test("a rule is read and written with the profile")
    func format() throws {
        let rule = MemoryRule(
            processBytes: 1000,
            boundaryTensors: 8,
            stateCopiesTraining: 0,
            stateCopiesChanging: 1
        )
        let data = try JSONEncoder().encode(profile(rule))
        let text = String(decoding: data, as: UTF8.self)
        #expect(text.contains("\"workspace_bytes\":90"))
        #expect(text.contains("\"state_copies_changing\":1"))
        #expect(try JSONDecoder().decode(ModelProfile.self, from: data) == profile(rule))
    }
}
