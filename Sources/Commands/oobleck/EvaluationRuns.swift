import Foundation
import OobleckArtifact
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckRuntime

/// The training of real processes that parts 3 and 4 of the evaluation check.
final class EvaluationRuns {
    /// Fewer steps would be over before two kills were recovered from.
    static let leastSteps = 10
    /// Longest that one run may take.
    private static let deadline: Seconds = 240

    private let jobPath: String
    private let steps: Int
    private let folder: String
    /// The undisturbed run in one process, made once.
    private var reference: LiveRun?
    /// The profile that was given, or that the first run measured, so that all runs plan alike.
    private var profilePath: String?

    init(jobPath: String, profilePath: String?, steps: Int, folder: String) {
        self.jobPath = jobPath
        self.profilePath = profilePath
        self.steps = steps
        self.folder = folder
    }

    /// Part 3: kills that need each of the rules.
    func reconfiguration() async throws -> ArtifactPart {
        let evaluation = ReconfigurationEvaluation()
        do {
            let reference = try await undisturbed()
            let scripts = [
                ("5 nodes, kills A", [KillScript.Kill(pipelineSize: 3), .init(pipelineSize: 2)]),
                ("5 nodes, kills B", [KillScript.Kill(pipelineSize: 2)]),
            ]
            var runs: [LiveRun] = []
            for (index, (title, kills)) in scripts.enumerated() {
                runs.append(
                    try await train(title, name: "kills-\(index + 1)", nodes: 5, kills: kills)
                )
            }
            return try evaluation.part(live: runs, reference: reference)
        } catch let error as OobleckError {
            try Self.rethrowInterruption()
            return try evaluation.part(failure: error.message)
        }
    }

    /// Part 4: two pipelines of equal and of different sizes.
    func hybrid() async throws -> ArtifactPart {
        do {
            let reference = try await undisturbed()
            let runs = [
                (try await train("2 + 2 nodes", name: "hybrid-2-2", nodes: 4), [2, 2]),
                (try await train("2 + 3 nodes", name: "hybrid-2-3", nodes: 5), [2, 3]),
            ]
            return HybridEvaluation.part(runs: runs, reference: reference)
        } catch let error as OobleckError {
            try Self.rethrowInterruption()
            return HybridEvaluation.part(runs: [], reference: nil, failure: error.message)
        }
    }

    private func request(_ name: String) -> RunRequest {
        var request = RunRequest(configPath: jobPath, runDirectoryPath: "\(folder)/\(name)")
        request.steps = steps
        return request
    }

    private func undisturbed() async throws -> LiveRun {
        if let reference { return reference }
        Console.show("training in one process, undisturbed")
        let start = MonotonicTime.now
        let (directory, _) = try await ReferenceRun(
            request: request("reference"),
            display: RunDisplay(),
            deadline: Self.deadline
        )
        .execute()
        let run = try LiveRun(
            title: "one process",
            directory: directory,
            plans: [],
            seconds: (MonotonicTime.now - start).value
        )
        reference = run
        return run
    }

    private func train(
        _ title: String,
        name: String,
        nodes: Int,
        kills: [KillScript.Kill] = []
    ) async throws -> LiveRun {
        Console.show("training on \(nodes) nodes, each an agent and a worker process: \(title)")
        var request = request(name)
        request.nodes = nodes
        request.profilePath = profilePath
        let display = RunDisplay()
        let script = KillScript(kills, display: display, deadline: Self.deadline)
        let start = MonotonicTime.now
        let run = LocalRun(request: request, display: display) { script.follow($0, $1) }
        let (directory, _) = try await run.execute()
        profilePath = directory.profilePath
        return try LiveRun(
            title: title,
            directory: directory,
            plans: script.plans,
            seconds: (MonotonicTime.now - start).value
        )
    }

    /// Throws when a run ended because a signal asked for it.
    private static func rethrowInterruption() throws {
        guard ProcessSignals.shared.stopSignal == nil else { throw Interruption(isRun: true) }
    }
}
