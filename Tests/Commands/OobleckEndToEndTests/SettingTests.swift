import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

@Suite("Jobs that the command line changes", .serialized)
struct SettingTests {
    private static let settings = [
        "--set", "training.schedule=wsd", "--set", "training.cooldown_steps=4",
    ]

    @Test("a run with another schedule survives a kill in its cooldown with the same bits")
    func schedule() throws {
        let laboratory = try Laboratory()
        let reference = try laboratory.train("reference", ["--reference"] + Self.settings)
        try #require(reference.status == 0, "\(reference.errors)")
        let fault = ["--fault", "node=2,point=mid-forward,step=6,target=node"]
        let outcome = try laboratory.train("run", fault + Self.settings)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let (result, expected) = (
            try laboratory.result("run"), try laboratory.result("reference")
        )
        #expect(result.failures == 1)
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.stateSHA256 != (try Undisturbed.result.get().stateSHA256))
        // The copy of the job says what changed it.
        let text = try RunDirectory.open(path: laboratory.path("run")).configText()
        #expect(text.hasPrefix("# changed by --set training.schedule=wsd\n"), "\(text)")
    }

    @Test("settings that make no sense, or come too late, end with one line and leave nothing")
    func refused() throws {
        let laboratory = try Laboratory()
        let cases: [(setting: String, word: String)] = [
            ("training.schedul=wsd", "did you mean schedule?"),
            ("training.cooldown_steps=4", "has no meaning for schedule cosine"),
            ("training.steps=many", "it must be a whole number"),
        ]
        for (setting, word) in cases {
            let outcome = try laboratory.train("run", ["--set", setting])
            #expect(outcome.status == 64 && outcome.errors.contains(word), "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: laboratory.path("run")))
        }
        let late = try laboratory.run(["train", "--resume", "run", "--set", "training.steps=9"])
        #expect(late.status == 64 && late.errors.contains("--set cannot be changed"))
    }
}
