import Foundation
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckStoreSQLite
import OobleckTestSupport
import OobleckTransport
import Testing

@testable import OobleckRuntime

@Suite("What a coordinator of a resumed run starts with", .timeLimit(.minutes(5)))
struct RunStartTests {
    private func resume(
        _ remains: RunRemains,
        _ change: (inout ResumeRequest) -> Void = { _ in }
    ) async throws -> RunStart {
        var request = ResumeRequest(path: remains.path)
        change(&request)
        return try await RunStart.resume(request)
    }

    private func end(_ start: RunStart) throws {
        start.socket.discard()
        try start.store.close()
        start.directory.release()
    }

    /// Two steps, and two nodes of which one has left.
    private static let changes: [DurableChange] = [
        .joined(0, agentPID: 100), .joined(1, agentPID: 101), .numbered(0),
        .left(1, hasFailed: true, as: .dead), .committed(RunRemains.step(0)),
        .committed(RunRemains.step(1)),
    ]

    @Test("a run that ended in order has no nodes any more; its numbers are not given again")
    func ordered() async throws {
        let remains = try RunRemains()
        try remains.keep(Self.changes)
        try remains.record([.step(RunRemains.step(0)), .step(RunRemains.step(1))])
        let start = try await resume(remains)
        #expect(start.job == RunRemains.job)
        #expect(start.state?.term == 2)
        #expect(start.state?.committedSteps == 2)
        #expect(start.state?.livingAgents == [:])
        #expect(start.state?.nodes[0]?.ending == .done)
        #expect(start.state?.failures == 1)
        #expect(start.state?.nodes.count == 2)
        try end(start)
        #expect(try remains.kept() == start.state)
    }

    @Test("a coordinator that died leaves nodes that may wait, and a port that they know")
    func orphaned() async throws {
        let remains = try RunRemains()
        try remains.keep(Self.changes)
        try remains.record([.step(RunRemains.step(0)), .step(RunRemains.step(1))])
        let free = try ListeningSocket(host: "127.0.0.1", port: 0)
        free.discard()
        let last = CoordinatorEndpoint(host: "127.0.0.1", port: free.port, pid: 1)
        try remains.directory.write(last)
        try remains.directory.write(
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        )
        let start = try await resume(remains)
        #expect(start.state?.livingAgents == [0: 100])
        #expect(start.socket.port == free.port)
        #expect(start.token.secret.hasPrefix("0123456789abcdef"))
        try end(start)
    }

    @Test("a port that another process has now is no obstacle, unless it was asked for")
    func portTaken() async throws {
        let remains = try RunRemains()
        let taken = try ListeningSocket(host: "127.0.0.1", port: 0)
        defer { taken.discard() }
        let last = CoordinatorEndpoint(host: "127.0.0.1", port: taken.port, pid: 1)
        try remains.directory.write(last)
        let start = try await resume(remains)
        #expect(start.socket.port != taken.port)
        try end(start)
        let error = await #expect(throws: OobleckError.self) {
            try await resume(remains) { $0.port = taken.port }
        }
        #expect(error?.code == .usage)
    }

    @Test("other steps and nodes are written down before the run trains; its result is taken back")
    func changed() async throws {
        let remains = try RunRemains()
        try remains.finish(steps: 9)
        let start = try await resume(remains) {
            $0.steps = 12
            $0.nodes = 5
        }
        #expect(start.job.training.steps == 12)
        #expect(start.job.cluster.nodes == 5)
        #expect(try remains.directory.job() == start.job)
        #expect(try !FileManager.default.fileExists(atPath: remains.directory.resultPath))
        #expect(start.launch?.startedNodes == nil)
        try end(start)
    }

    @Test("the cost model stays, also where nodes change; a later default changes nothing")
    func costModel() async throws {
        for model: CostModel? in [.schedule, .sosp23Artifact, nil] {
            var job = RunRemains.job
            job.cluster.costModel = model
            let remains = try RunRemains(job: job)
            let start = try await resume(remains) { $0.nodes = 5 }
            #expect(start.job.cluster.costModel == model)
            #expect(try remains.directory.job().cluster.planningCostModel == model ?? .sosp23)
            try end(start)
        }
    }

    @Test("nodes without a plan are refused, and the job and the result stay")
    func unplannable() async throws {
        var job = RunRemains.job
        job.cluster.faultTolerance = 0
        let remains = try RunRemains(job: job)
        var profile = RunRemains.profile
        profile.layers[0].parameterBytes = ByteCount(1 << 40)
        profile.deviceMemory = 1000
        job.cluster.deviceMemory = 1000
        try remains.directory.write(profile)
        try remains.directory.write(job)
        let error = await #expect(throws: OobleckError.self) {
            try await resume(remains) { $0.nodes = 2 }
        }
        #expect(error?.code == .noPlan)
        #expect(try remains.directory.job() == job)
    }

    @Test("other arithmetic is forgotten only when that was accepted")
    func arithmetic() async throws {
        let arithmetic = Arithmetic(fingerprint: "f", processor: "p", library: "l", settings: "s")
        let remains = try RunRemains()
        try remains.keep([.computing(arithmetic)])
        let same = try await resume(remains)
        #expect(same.state?.arithmetic == arithmetic)
        try end(same)
        let other = try await resume(remains) { $0.acceptsOtherArithmetic = true }
        #expect(other.state?.arithmetic == nil)
        try end(other)
        #expect(try remains.kept()?.arithmetic == nil)
    }

    @Test("a run that another process leads is left alone")
    func led() async throws {
        let remains = try RunRemains()
        let start = try await resume(remains)
        let error = await #expect(throws: OobleckError.self) { try await resume(remains) }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("in use by another run") == true)
        try end(start)
    }

    @Test("a staged death of the coordinator happens once in the life of the run")
    func faults() async throws {
        let remains = try RunRemains()
        let fault = CoordinatorFault(point: .afterRecord, step: 3)
        let path = try remains.directory.stagedFaultsPath
        try Data("\(fault.description)\n".utf8).write(to: URL(fileURLWithPath: path))
        let start = try await resume(remains)
        let other = CoordinatorFault(point: .afterRecord, step: 4)
        #expect(start.remainingFaults([fault, other], past: try start.pastFaults()) == [other])
        try end(start)
    }
}
