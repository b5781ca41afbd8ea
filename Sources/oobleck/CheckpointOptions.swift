import ArgumentParser
import Foundation
import OobleckCore
import OobleckRun

/// What the command line says of checkpoints.
struct CheckpointOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Save the state every so many steps, or as often as pays (young-daly); "
                + "overrides the job.",
            valueName: "steps"
        )
    )
    var checkpointEvery: String?

    @Option(help: "Saves that stay; overrides the job. [2]")
    var checkpointKeep: Int?

    @Option(
        help: ArgumentHelp(
            "Folder for the saves, the same on every node; overrides the job. "
                + "[checkpoints/ of the run]",
            valueName: "dir"
        )
    )
    var checkpointDirectory: String?

    @Option(
        help: ArgumentHelp(
            "How long to wait for nodes that the run cannot go on without; overrides the job. "
                + "[600]",
            valueName: "seconds"
        )
    )
    var checkpointWait: Double?

    /// Throws one line when a value makes no sense.
    func request() throws -> CheckpointRequest {
        CheckpointRequest(
            rhythm: try checkpointEvery.map { try CheckpointSpecification.Rhythm(argument: $0) },
            keep: checkpointKeep,
            directory: checkpointDirectory,
            wait: checkpointWait.map { Seconds($0) }
        )
    }
}

/// Changes to what a job says of checkpoints.
struct CheckpointRequest: Sendable {
    var rhythm: CheckpointSpecification.Rhythm?
    var keep: Int?
    var directory: String?
    var wait: Seconds?

    /// The job's specification with the changes, its folder filled in.
    ///
    /// Throws one line when there is nothing to change.
    func applied(
        to specification: CheckpointSpecification?,
        runDirectory: String
    ) throws -> CheckpointSpecification? {
        guard var new = specification ?? rhythm.map({ CheckpointSpecification($0) }) else {
            let given = [
                keep.map { _ in "--checkpoint-keep" },
                directory.map { _ in "--checkpoint-directory" },
                wait.map { _ in "--checkpoint-wait" },
            ]
            guard let option = given.compactMap({ $0 }).first else { return nil }
            throw OobleckError(
                .usage,
                "\(option) is set, but nothing says when to save; add --checkpoint-every"
            )
        }
        if let rhythm { new.rhythm = rhythm }
        if let keep { new.keep = keep }
        if let wait { new.wait = wait }
        if let directory {
            new.directory = URL(fileURLWithPath: directory).standardizedFileURL.path
        }
        new.directory = new.directory ?? runDirectory + "/checkpoints"
        return new
    }
}
