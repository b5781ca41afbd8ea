import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// Nodes with two devices, each with a worker of its own; the undisturbed run has one process.
@Suite("Nodes with several devices end with the same bits", .serialized, .timeLimit(.minutes(5)))
struct DevicesTests {
    private static func laboratory(nodes: Int, devices: Int = 2) throws -> Laboratory {
        let laboratory = try Laboratory()
        try laboratory.edit {
            $0.replacing("nodes: 6,", with: "nodes: \(nodes), devices_per_node: \(devices),")
        }
        return laboratory
    }

    private func expectSame(_ laboratory: Laboratory, losses: Int) throws {
        let expected = try Undisturbed.result.get()
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == expected.stateSHA256)
        #expect(result.finalLoss == expected.finalLoss)
        #expect(result.failures == losses)
        #expect(result.samplesRepeated == 0)
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
    }

    private func train(_ laboratory: Laboratory, _ arguments: [String] = []) throws {
        let outcome = try laboratory.train("run", arguments)
        try #require(outcome.status == 0, "\(outcome.errors)")
    }

    @Test("each node has a worker on each device, and each worker a stage", arguments: [2, 4])
    func undisturbed(devices: Int) throws {
        let laboratory = try Self.laboratory(nodes: 3, devices: devices)
        try train(laboratory)
        try expectSame(laboratory, losses: 0)
        let plan = try RunDirectory.open(path: laboratory.path("run")).plan()
        #expect(plan.devicesPerNode == devices)
        #expect(plan.reason.contains("one device a stage"), "\(plan.reason)")
        let stages = plan.plan.pipelines.compactMap { plan.template(nodes: $0.templateNodes) }
            .flatMap(\.stages)
        #expect(stages.count > 3 && stages.allSatisfy { $0.devices == 1 })
    }

    @Test(
        "one worker of a node dies in a step: its node is lost, and nothing else changes",
        arguments: [FailurePoint.midForward, .midSend, .afterVote, .midOptimizer]
    )
    func worker(point: FailurePoint) throws {
        let laboratory = try Self.laboratory(nodes: 4)
        let fault = "node=1,device=1,point=\(point.rawValue),step=3,target=worker"
        try train(laboratory, ["--fault", fault])
        try expectSame(laboratory, losses: 1)
        let lost = try laboratory.events("run", .nodeLost)
        #expect(lost.map(\.node) == [1])
        let evidence = lost.first?.message ?? ""
        #expect(evidence.contains("its worker of device 1 was killed"), "\(evidence)")
    }

    @Test("a node dies, and then a worker while the others recover from it")
    func duringRecovery() throws {
        let laboratory = try Self.laboratory(nodes: 6)
        // Both may hold the same layers.
        try laboratory.edit { $0.replacing("fault_tolerance: 1", with: "fault_tolerance: 2") }
        let faults = [
            "node=3,point=mid-backward,step=2,target=node",
            "node=0,point=before-prepared,step=1,target=worker",
        ]
        try train(laboratory, faults.flatMap { ["--fault", $0] })
        try expectSame(laboratory, losses: 2)
    }

    @Test("a slow node is found although its workers compute apart, and nothing changes")
    func slow() throws {
        let laboratory = try Self.laboratory(nodes: 4)
        try train(laboratory, ["--fault", "kind=slow,node=1,factor=6,step=2"])
        try expectSame(laboratory, losses: 0)
    }

    @Test("a bit that flips in one copy of a layer is found in that step and changes nothing")
    func bitFlip() throws {
        let laboratory = try Self.laboratory(nodes: 4)
        // Whichever layers the devices of node 0 have: one of these.
        let flips = (0..<Laboratory.blocks + 2).map { "kind=flip,node=0,layer=\($0),step=4" }
        try train(laboratory, flips.flatMap { ["--fault", $0] })
        try expectSame(laboratory, losses: 0)
        #expect(try laboratory.events("run", .damaged).map(\.node) == [0])
    }

    @Test("a node joins and another is drained while it trains")
    func membership() throws {
        let laboratory = try Self.laboratory(nodes: 3)
        let run = try laboratory.start(laboratory.trainArguments("run", ["--steps", "40"]))
        defer { run.signal(SIGKILL) }
        try #require(waitUntil(60) { (laboratory.status("run")?.step ?? 0) >= 2 })
        let status = try #require(laboratory.status("run"))
        #expect(status.nodes.allSatisfy { $0.workerPIDs.count == 2 })
        let added = try laboratory.run(["add", laboratory.path("run")])
        #expect(added.status == 0, "\(added.errors)")
        #expect(waitUntil(60) { laboratory.status("run")?.nodes.count == 4 })
        let drained = try laboratory.run(["drain", laboratory.path("run"), "0"])
        #expect(drained.status == 0, "\(drained.errors)")
        let outcome = try run.wait(deadline: 120)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let reference = try laboratory.train("reference", ["--reference", "--steps", "40"])
        try #require(reference.status == 0, "\(reference.errors)")
        let (own, expected) = try (laboratory.result("run"), laboratory.result("reference"))
        #expect(own.stateSHA256 == expected.stateSHA256)
    }

    @Test("workers come back to a coordinator that died and was started again")
    func restarted() throws {
        let laboratory = try Self.laboratory(nodes: 3)
        let fault = "coordinator,point=mid-commit,step=4"
        let first = try laboratory.train("run", ["--fault", fault])
        #expect(first.status == -SIGKILL, "\(first.errors)")
        let again = try laboratory.run(["train", "--resume", laboratory.path("run")])
        try #require(again.status == 0, "\(again.errors)")
        try expectSame(laboratory, losses: 0)
    }

    @Test("a run that was stopped goes on from its checkpoint with new nodes")
    func resumed() throws {
        let laboratory = try Self.laboratory(nodes: 3)
        let run = try laboratory.start(laboratory.trainArguments("run", ["--steps", "30"]))
        defer { run.signal(SIGKILL) }
        try #require(waitUntil(60) { (laboratory.status("run")?.step ?? 0) >= 2 })
        run.signal(SIGTERM)
        let stopped = try run.wait(deadline: 60)
        #expect(stopped.status == 75, "\(stopped.errors)")
        let again = try laboratory.run(["train", "--resume", laboratory.path("run")])
        try #require(again.status == 0, "\(again.errors)")
        let reference = try laboratory.train("reference", ["--reference", "--steps", "30"])
        try #require(reference.status == 0, "\(reference.errors)")
        let (own, expected) = try (laboratory.result("run"), laboratory.result("reference"))
        #expect(own.stateSHA256 == expected.stateSHA256)
    }

    @Test(
        "a count of devices that makes no sense is refused in one line",
        arguments: [
            ("3", "a power of two, from 1 to 8"), ("0", "from 1 to 8"), ("16", "from 1 to 8"),
        ]
    )
    func refused(devices: String, wanted: String) throws {
        let laboratory = try Laboratory()
        try laboratory.edit {
            $0.replacing("nodes: 6,", with: "nodes: 6, devices_per_node: \(devices),")
        }
        let outcome = try laboratory.train("run")
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("devices_per_node is \(devices)"), "\(outcome.errors)")
        #expect(outcome.errors.contains(wanted), "\(outcome.errors)")
    }
}
