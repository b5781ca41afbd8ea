import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// The undisturbed run that all others are compared with: one process, one stage.
///
/// Made once.
enum Undisturbed {
    static let result: Result<RunResult, any Error> = Result {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("reference", ["--reference"])
        guard outcome.status == 0 else {
            throw OobleckError(.internalFault, outcome.errors)
        }
        return try laboratory.result("reference")
    }
}

/// A run with staged failures, and how many of its nodes must be lost.
struct Scenario: CustomTestStringConvertible, Sendable {
    let name: String
    let arguments: [String]
    let losses: Int

    init(_ name: String, losses: Int, _ faults: [String], _ arguments: [String] = []) {
        self.name = name
        self.losses = losses
        self.arguments = arguments + faults.flatMap { ["--fault", $0] }
    }

    var testDescription: String { name }

    static let singleWorkers = (0..<6).map { node in
        Scenario(
            "worker \(node) in a forward pass",
            losses: 1,
            [
                "node=\(node),point=mid-forward,step=2,target=worker"
            ]
        )
    }

    /// One kill at each named point of a step, with every kind of target in turn.
    static let points: [Scenario] = FailurePoint.allCases.enumerated().compactMap { index, point in
        guard !reconfigurationPoints.contains(point) else { return nil }
        let target = PlannedFault.Target.allCases[index % 3].rawValue
        return Scenario(
            "\(target) killed at \(point.rawValue)",
            losses: 1,
            [
                "node=\(index % 6),point=\(point.rawValue),step=3,target=\(target)"
            ]
        )
    }

    /// What a run without losses, checkpoints and evaluations does not reach.
    static let reconfigurationPoints: Set<FailurePoint> = [
        .midRebuild, .midTransfer, .beforePrepared, .midCheckpoint, .midRestore, .midEvaluation,
    ]

    /// A second kill in the reconfiguration that a first one causes.
    ///
    /// The second node is the first in the plan's order that reaches the point: nodes 0 and 1 take
    /// part in every one of them.
    static let duringRecovery: [Scenario] = [FailurePoint.midRebuild, .beforePrepared].map {
        Scenario(
            "a second kill at \($0.rawValue) of the recovery",
            losses: 2,
            [
                "node=5,point=mid-forward,step=2,target=node",
                "node=0,point=\($0.rawValue),step=1,target=worker",
            ]
        )
    }
}

@Suite("Whatever fails, the result is the same", .serialized, .timeLimit(.minutes(10)))
struct ExactnessTests {
    private func expectSame(_ laboratory: Laboratory, _ name: String, losses: Int) throws {
        let expected = try Undisturbed.result.get()
        let result = try laboratory.result(name)
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.finalLoss == expected.finalLoss)
        #expect(result.failures == losses)
        #expect(result.samplesCommitted == expected.samplesCommitted)
        #expect(result.samplesRepeated == 0)
        let report = try RunVerifier.verify(laboratory.path(name))
        #expect(report.isIntact, "\(report.violations)")
        #expect(report.stateSHA256 == expected.stateSHA256)
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }

    @Test("every node count ends with the same bits", arguments: [2, 3, 4, 6, 8])
    func nodeCounts(nodes: Int) throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("run", ["--nodes", "\(nodes)"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSame(laboratory, "run", losses: 0)
        let isWarned = (outcome.output + outcome.errors).contains("warning")
        #expect(isWarned == (nodes < 4), "\(outcome.output)")
    }

    @Test("the loss of any one worker changes nothing", arguments: Scenario.singleWorkers)
    func singleWorkers(scenario: Scenario) throws { try survive(scenario) }

    @Test("a kill at any named point changes nothing", arguments: Scenario.points)
    func failurePoints(scenario: Scenario) throws { try survive(scenario) }

    @Test(
        "a second failure during the recovery changes nothing",
        arguments: Scenario.duringRecovery
    )
    func duringRecovery(scenario: Scenario) throws { try survive(scenario) }

    @Test("a kill of any node that sends or receives layers changes nothing")
    func duringTransfer() throws {
        // Find out who moves layers after the loss of node 5, then kill one of them while it does.
        let scout = try Laboratory()
        let first = "node=5,point=mid-forward,step=2,target=node"
        let outcome = try scout.train("run", ["--fault", first])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let plan = try RunDirectory.open(path: scout.path("run")).plan()
        let mover = try #require(plan.transfers.first?.toNode)
        let second = "node=\(mover),point=mid-transfer,step=1,target=node"
        try survive(Scenario("mid-transfer", losses: 2, [first, second]))
    }

    @Test("with f = 2, two nodes killed at once change nothing")
    func twoAtOnce() throws {
        let laboratory = try Laboratory()
        try laboratory.edit { $0.replacing("fault_tolerance: 1", with: "fault_tolerance: 2") }
        let outcome = try laboratory.train(
            "run",
            [
                "--fault", "node=1,point=mid-backward,step=3,target=node",
                "--fault", "node=4,point=mid-backward,step=3,target=node",
            ]
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSame(laboratory, "run", losses: 2)
    }

    @Test("a node killed and another added change nothing, and the new one gets work")
    func killAndRejoin() throws {
        let laboratory = try Laboratory()
        // Slow enough for the newcomer to arrive before the end.
        let fault = "node=2,point=mid-send,step=1,target=node"
        let steps = ["--steps", "120"]
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--fault", fault] + steps)
        )
        func status() -> RunStatus? {
            try? RunDirectory.open(path: laboratory.path("run")).status()
        }
        #expect(waitUntil(60) { (status()?.step ?? 0) >= 3 })
        let added = try laboratory.run(["add", laboratory.path("run")])
        #expect(added.status == 0, "\(added.errors)")
        #expect(
            waitUntil(60) { status()?.nodes.contains { $0.id == 6 && $0.pipeline != nil } == true }
        )
        let outcome = try running.wait(deadline: 120)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let reference = try laboratory.train("long", ["--reference"] + steps)
        try #require(reference.status == 0, "\(reference.errors)")
        let (result, expected) = (try laboratory.result("run"), try laboratory.result("long"))
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.failures == 1)
    }

    private func survive(_ scenario: Scenario) throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("run", scenario.arguments)
        try #require(outcome.status == 0, "\(scenario.name): \(outcome.errors)")
        try expectSame(laboratory, "run", losses: scenario.losses)
    }
}
