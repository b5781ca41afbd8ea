import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

@Suite("Jobs that the command line changes", .serialized, .timeLimit(.minutes(10)))
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

    @Test("a run by another cost model keeps it through a loss and a restart, with the same bits")
    func costModel() throws {
        let laboratory = try Laboratory()
        let dry = try laboratory.train("run", ["--cost-model", "schedule", "--dry-run"])
        #expect(dry.status == 0 && dry.output.contains("(schedule)"), "\(dry.output)\(dry.errors)")
        let death = CoordinatorFault(point: .afterRecord, step: 4)
        let outcome = try laboratory.train(
            "run",
            [
                "--cost-model", "schedule", "--supervise", "--fault",
                "node=2,point=mid-forward,step=2,target=node", "--fault", death.description,
            ]
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        let directory = try RunDirectory.open(path: laboratory.path("run"))
        #expect(try directory.job().cluster.costModel == .schedule)
        let plan = try directory.plan()
        #expect(plan.costModel == .schedule && plan.plan.generation > 0)
        let result = try laboratory.result("run")
        #expect(result.failures == 1)
        #expect(result.stateSHA256 == (try Undisturbed.result.get().stateSHA256))
        let plans = try laboratory.events("run", .planned).map(\.message)
        #expect(plans.count >= 2)
        #expect(plans.allSatisfy { $0.contains("(schedule)") }, "\(plans)")
        let replan = try laboratory.run([
            "replan", "--plan", directory.planPath, "--lose", "\(plan.plan.nodes[0])",
        ])
        #expect(replan.status == 0 && replan.output.contains("(schedule)"), "\(replan.errors)")
        let late = try laboratory.run(["train", "--resume", "run", "--cost-model", "sosp23"])
        #expect(late.status == 64 && late.errors.contains("--cost-model cannot be changed"))
    }

    @Test("settings that make no sense, or come too late, end with one line and leave nothing")
    func refused() throws {
        let laboratory = try Laboratory()
        let cases: [(setting: String, word: String)] = [
            ("training.schedul=wsd", "did you mean schedule?"),
            ("training.cooldown_steps=4", "has no meaning for schedule cosine"),
            ("training.steps=many", "it must be a whole number"),
            ("cluster.cost_model=best", "one of sosp23, sosp23-artifact, schedule"),
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
