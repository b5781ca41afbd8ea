import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckText

/// `oobleck demo`.
struct DemoCommand: InterruptibleCommand {
    static let isRun = true
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Train a small model on six local nodes, kill some, and prove the result."
    )

    @Option(help: "The job to train. [Examples/tiny.yaml]")
    var config: String?

    @Option(help: "Where to record the run; must not exist or be empty. [runs/demo-TIME]")
    var runDir: String?

    @Option(help: "Steps to train; at least 12.")
    var steps = 16

    @Option(help: "Nodes to start with; at least 4.")
    var nodes = 6

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func validate() throws {
        guard steps >= 12, nodes >= 4 else {
            throw ValidationError("The demonstration needs --steps 12 and --nodes 4, or more.")
        }
    }

    func run() async throws {
        let path = runDir ?? RunRequest.newRunPath("demo")
        var request = RunRequest(
            configPath: try config ?? Checkout.path("Examples/tiny.yaml"),
            runDirectoryPath: path
        )
        request.nodes = nodes
        request.steps = steps
        let display = RunDisplay()
        let script = DemoScript(steps: steps, display: display)
        let run = LocalRun(request: request, display: display) { script.follow($0, $1) }
        Console.show(
            "1. Training on \(counted(nodes, "node")), each an agent and a worker process."
        )
        let (directory, result) = try await run.execute()
        Console.show("\n2. Training the same seed undisturbed: one process, one stage.")
        request.runDirectoryPath = path + "-reference"
        let (referenceDirectory, reference) =
            try await ReferenceRun(request: request, display: display).execute()
        Console.show("\n3. Proof.")
        let proof = DemoProof(
            result: result,
            reference: reference,
            report: try RunVerifier.verify(directory.path),
            referenceReport: try RunVerifier.verify(referenceDirectory.path),
            isJoined: script.isJoined
        )
        try Console.report(
            format == .json
                ? Console.json(proof.document(directory.path, referenceDirectory.path))
                : proof.text + "\n\nNext:\n" + nextCommands(path)
        )
        if let failure = proof.failures.first { throw OobleckError(.internalFault, failure) }
    }

    private func nextCommands(_ path: String) -> String {
        let job = (config ?? "Examples/tiny.yaml").shellQuoted
        let program = CommandLine.arguments[0].shellQuoted
        let path = path.shellQuoted
        return [
            "verify \(path)", "status \(path)", "events \(path)",
            "export \(path) --to \(config == nil ? "gpt2-tiny" : "my-model")",
            "train \(job) --nodes 6 --run-dir runs/mine",
            "drain runs/mine 3    # while it trains",
            "add runs/mine        # while it trains",
        ].map { "  \(program) \($0)" }.joined(separator: "\n")
    }
}
