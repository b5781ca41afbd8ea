import Foundation
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ProfileFormatTests {
    private let text = """
        {"version": 1, "model": "gpt2", "microbatch_size": 4, "device_memory_bytes": 48000000000,
         "layers": [{"name": "embedding", "forward_seconds": 0.01, "backward_seconds": 0.02,
                     "allreduce_in_node_seconds": {"2": 0.001, "4": 0.002},
                     "allreduce_across_nodes_seconds": {"2": 0.004, "3": 0.005},
                     "parameter_bytes": 157000000, "optimizer_bytes": 314000000,
                     "activation_bytes": 12000000, "output_bytes": 3000000},
                    {"name": "head", "forward_seconds": 0.03, "backward_seconds": 0.04}]}
        """

    private func decode(_ text: String) throws -> ModelProfile {
        try JSONDecoder().decode(ModelProfile.self, from: Data(text.utf8))
    }

    @Test("a profile in the published format is read field by field")
    func reading() throws {
        let profile = try decode(text)
        try profile.validate()
        #expect(profile.model == "gpt2")
        #expect(profile.microbatchSize == 4)
        #expect(profile.deviceMemory == 48_000_000_000)
        let layer = try #require(profile.layers.first)
        #expect(layer.name == "embedding")
        #expect(layer.forward == 0.01)
        #expect(layer.backward == 0.02)
        #expect(layer.allReduceInNode == [2: 0.001, 4: 0.002])
        #expect(layer.allReduceAcrossNodes == [2: 0.004, 3: 0.005])
        #expect(layer.parameterBytes == 157_000_000)
        #expect(layer.gradientBytes == 157_000_000)
        #expect(layer.optimizerBytes == 314_000_000)
        #expect(layer.activationBytes == 12_000_000)
        #expect(layer.outputBytes == 3_000_000)
        #expect(layer.stateBytes == 471_000_000)
    }

    @Test("an absent byte count is 0, absent all-reduce times are none, absent memory is unlimited")
    func absent() throws {
        let profile = try decode(text.replacing("\"device_memory_bytes\": 48000000000,", with: ""))
        #expect(profile.deviceMemory == nil)
        #expect(profile.layers[1] == LayerProfile(name: "head", forward: 0.03, backward: 0.04))
        #expect(profile.layers[1].gradientBytes == 0)
    }

    @Test("writing and reading again gives the same profile, with all-reduce times as objects")
    func roundTrip() throws {
        let profile = try decode(text)
        let data = try JSONEncoder().encode(profile)
        #expect(try JSONDecoder().decode(ModelProfile.self, from: data) == profile)
        let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(
            Set(object.keys) == [
                "version", "model", "microbatch_size", "device_memory_bytes", "layers",
            ]
        )
        let layers = try #require(object["layers"] as? [[String: Any]])
        let times = layers[0]["allreduce_in_node_seconds"] as? [String: Double]
        #expect(times == ["2": 0.001, "4": 0.002])
    }

    @Test("a missing required field is an error", arguments: ["name", "forward_seconds", "layers"])
    func missing(field: String) {
        #expect(throws: DecodingError.self) {
            try decode(text.replacing("\"\(field)\"", with: "\"other\""))
        }
    }

    @Test("values that make no sense are named with what would be right")
    func invalid() throws {
        let good = try decode(text)
        func message(_ change: (inout ModelProfile) -> Void) -> String {
            var profile = good
            change(&profile)
            do {
                try profile.validate()
                return "valid"
            } catch {
                #expect((error as? OobleckError)?.code == .inputData)
                return "\(error)"
            }
        }
        #expect(message { _ in } == "valid")
        #expect(
            message { $0.linkBytesPerSecond = 0 }
                == "link_bytes_per_second is 0.0; it must be finite and > 0"
        )
        #expect(
            message { $0.linkLatency = -1 }
                == "link_latency_seconds is -1.0; it must be finite and >= 0"
        )
        #expect(
            message { $0.tiedAllReduceAcrossNodes = [2: Seconds(.nan)] }
                == "tied_allreduce_across_nodes_seconds[2] is nan; it must be finite and >= 0"
        )
        #expect(message { $0.version = 7 } == "profile has version 7; this program reads 1")
        #expect(message { $0.layers = [] }.contains("no layers"))
        #expect(
            message { $0.layers[1].forward = -1 }
                == "layer head: forward_seconds is -1.0; it must be finite and >= 0"
        )
        #expect(message { $0.layers[0].backward = Seconds(.nan) }.contains("backward_seconds"))
        #expect(
            message { $0.layers[0].allReduceInNode[4] = Seconds(.infinity) }
                .contains("allreduce_in_node_seconds[4]")
        )
        #expect(
            message { $0.layers[0].activationBytes = -5 }
                == "layer embedding: activation_bytes is -5; it must be >= 0"
        )
        // What planning adds up must not overflow.
        #expect(message { $0.layers[0].parameterBytes = ByteCount(.max) }.contains("in bytes"))
        #expect(message { $0.layers[1].forward = 1e300 }.contains("at most"))
        #expect(message { $0.microbatchSize = 0 }.contains("microbatch_size is 0"))
    }

    /// Two layers, of which the first was measured with its forward pass computed again.
    private static let recomputable = ModelProfile(
        model: "m",
        microbatchSize: 1,
        layers: [
            LayerProfile(
                name: "a",
                forward: 1,
                backward: 2,
                activationBytes: 900,
                outputBytes: 100,
                workspaceBytes: 50,
                recomputation: RecomputationProfile(
                    backward: 2.5,
                    activationBytes: 110,
                    workspaceBytes: 870
                )
            ),
            LayerProfile(
                name: "b",
                forward: 1,
                backward: 2,
                activationBytes: 900,
                outputBytes: 100,
                workspaceBytes: 50
            ),
            LayerProfile(name: "c", forward: 1, backward: 2, activationBytes: 900),
        ]
    )

    @Test("with forward passes computed again, measured costs apply, and sums where none are")
    func recomputing() throws {
        let profile = Self.recomputable.recomputing
        #expect(profile.recomputes == true && profile.recomputing == profile)
        #expect(profile.layers.map(\.backward) == [2.5, 3, 2])
        #expect(profile.layers.map(\.activationBytes) == [110, 100, 900])
        #expect(profile.layers.map(\.workspaceBytes) == [870, 950, 0])
        #expect(profile.layers.allSatisfy { $0.recomputation == nil })
    }

    @Test("what was measured of recomputation is in the file, and checked")
    func recomputation() throws {
        for profile in [Self.recomputable, Self.recomputable.recomputing] {
            let bytes = try JSONEncoder().encode(profile)
            #expect(try JSONDecoder().decode(ModelProfile.self, from: bytes) == profile)
        }
        var wrong = Self.recomputable
        wrong.layers[0].recomputation?.backward = -1
        #expect(throws: OobleckError.self) { try wrong.validate() }
        wrong = Self.recomputable
        wrong.layers[0].recomputation?.workspaceBytes = -1
        #expect(throws: OobleckError.self) { try wrong.validate() }
    }
}
