import Foundation
import OobleckPlanning
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ProfileFileTests {
    @Test(
        "a profile that makes no sense is refused in one line that says where and what",
        arguments: [
            (#"{"name": "a", "forward_seconds": NaN, "backward_seconds": 1}"#, "line 2 has NaN"),
            (
                #"{"name": "a", "forward_seconds": Infinity, "backward_seconds": 1}"#,
                "line 2 has Infinity"
            ),
            (#"{"name": "a", "backward_seconds": 1}"#, "layers.0 lacks forward_seconds"),
            (
                #"{"name": "a", "forward_seconds": -1, "backward_seconds": 1}"#,
                "layer a: forward_seconds is -1.0; it must be finite and >= 0"
            ),
            ("", "profile has no layers"),
            (
                #"{"name": "a", "forward_seconds": 0, "backward_seconds": 0}"#,
                "all forward_seconds and backward_seconds are 0"
            ),
            (
                #"{"name": "a", "forward_seconds": 1, "backward_seconds": 1, "forward_seconds": 9}"#,
                "an object has the key forward_seconds twice"
            ),
            (
                #"{"name": "a", "forward_seconds": 1, "backward_seconds": 1, "paramter_bytes": 5}"#,
                "unknown key paramter_bytes; did you mean parameter_bytes?"
            ),
            (
                #"{"name": "a", "forward_seconds": 1, "backward_seconds": 1, "output": 5}"#,
                "unknown key output; did you mean output_bytes?"
            ),
            (
                #"{"name": "a", "forward_seconds": 1, "backward_seconds": 1, "#
                    + #""allreduce_across_nodes_seconds": {"0": 1}}"#,
                "layer a: an all-reduce among 0; it must be at least 1"
            ),
        ]
    )
    func refused(layer: String, words: String) throws {
        let folder = try TemporaryFolder()
        let text = #"{"version": 1, "model": "m", "microbatch_size": 1, "layers": ["#
        let path = try folder.write("profile.json", "\(text)\n\(layer)]}")
        let error = #expect(throws: OobleckError.self) { try ModelProfile(contentsOf: path) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
    }

    @Test("files that are no profiles are named as what they are")
    func otherFiles() throws {
        let folder = try TemporaryFolder()
        let gzip: [UInt8] =
            [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + [UInt8](repeating: 0x90, count: 30)
        for (bytes, words) in [
            (Array(" \n".utf8), "the profile is empty"), (gzip, "it is gzip data"),
        ] {
            let path = try folder.write("profile.json", bytes)
            let error = #expect(throws: OobleckError.self) { try ModelProfile(contentsOf: path) }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test("all that this program writes is known, and what nobody knows is passed over")
    func knownKeys() throws {
        let folder = try TemporaryFolder()
        let profile = ModelProfile(
            model: "m",
            microbatchSize: 1,
            deviceMemory: 5,
            linkBytesPerSecond: 1e9,
            linkLatency: 1,
            tiedAllReduceAcrossNodes: [2: 1],
            layers: [
                LayerProfile(
                    name: "a {\"name\": \\",
                    forward: 1,
                    backward: 2,
                    allReduceInNode: [2: 1],
                    allReduceAcrossNodes: [2: 1, 3: 2]
                )
            ]
        )
        let data = try JSONEncoder().encode(profile)
        let path = try folder.write("profile.json", Array(data))
        #expect(try ModelProfile(contentsOf: path) == profile)
        let text = String(decoding: data, as: UTF8.self)
        let other = try folder.write("other.json", "{\"measured_on\": \"x\", " + text.dropFirst())
        #expect(try ModelProfile(contentsOf: other) == profile)
    }
}
