import Foundation
import OobleckCore
import OobleckRunFiles
import Synchronization
import Testing

/// The states that undisturbed runs of the laboratory's job come to, by number of steps.
private let undisturbedStates = Mutex<[Int: String]>([:])

extension Laboratory {
    /// The state that all runs of so many steps have to come to; trained once for each number.
    static func undisturbedState(steps: Int) throws -> String {
        if let known = undisturbedStates.withLock({ $0[steps] }) { return known }
        let laboratory = try Laboratory()
        let outcome = try laboratory.train("reference", ["--reference", "--steps", "\(steps)"])
        guard outcome.status == 0 else { throw OobleckError(.internalFault, outcome.errors) }
        let state = try laboratory.result("reference").stateSHA256
        undisturbedStates.withLock { $0[steps] = state }
        return state
    }

    /// Starts an agent for the run in the folder `run`, as by hand on another machine.
    func startAgent(
        name: String? = nil,
        environment: [String: String] = [:]
    ) throws -> Running {
        let directory = try RunDirectory.open(path: path("run"))
        let endpoint = try directory.endpoint()
        let arguments = [
            "agent", "--coordinator", "\(endpoint.host):\(endpoint.port)", "--token-file",
            directory.tokenPath, "--log", path("\(name ?? "agent").log"),
        ]
        return try start(
            arguments + (name.map { ["--name", $0] } ?? []),
            environment: environment
        )
    }
}

/// A run of some length that has begun to train, in the folder `run` of a laboratory.
struct LivingRun {
    let laboratory: Laboratory
    let running: Running
    let steps: Int

    /// Starts a run, and waits until it is at step `begun`.
    init(steps: Int, begun: Int = 6) throws {
        let laboratory = try Laboratory()
        self.laboratory = laboratory
        self.steps = steps
        running = try laboratory.start(
            laboratory.trainArguments("run", ["--steps", "\(steps)"])
        )
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 >= begun })
    }

    func node(_ id: NodeID) -> NodeStatus? {
        laboratory.status("run")?.nodes.first { $0.id == id }
    }

    func events(_ kind: RunEvent.Kind) throws -> [RunEvent] {
        try laboratory.events("run", kind)
    }

    /// Waits for the end: that of the undisturbed run, with each sample used once.
    func finish() throws -> RunResult {
        let outcome = try running.wait(deadline: 180)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let report = try RunVerifier.verify(laboratory.path("run"))
        #expect(report.isIntact, "\(report.violations)")
        let result = try laboratory.result("run")
        #expect(result.stateSHA256 == (try Laboratory.undisturbedState(steps: steps)))
        #expect(result.samplesRepeated == 0)
        #expect(waitUntil(3) { (try? laboratory.orphans().isEmpty) == true })
        return result
    }
}
