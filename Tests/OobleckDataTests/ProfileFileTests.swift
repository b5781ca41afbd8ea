import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite struct ProfileFileTests {
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
        ]
    )
    func refused(layer: String, words: String) throws {
        let folder = try TemporaryFolder()
        let text = #"{"version": 1, "model": "m", "microbatch_size": 1, "layers": ["#
        let path = try folder.write("profile.json", "\(text)\n\(layer)]}")
        let error = #expect(throws: OobleckError.self) { try ModelProfile.load(path: path) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
    }
}
