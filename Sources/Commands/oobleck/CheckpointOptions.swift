import ArgumentParser
import Foundation
import OobleckCore
import OobleckRunFiles

/// What the command line says of checkpoints.
struct CheckpointOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Save the state every so many steps, or as often as pays (young-daly); "
                + "overrides the job. [young-daly]",
            valueName: "steps"
        )
    )
    var checkpointEvery: String?

    @Flag(help: "Save no checkpoints; overrides the job.")
    var noCheckpoints = false

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

    /// The first option that was given.
    var given: String? {
        let options = [
            checkpointEvery.map { _ in "--checkpoint-every" },
            checkpointKeep.map { _ in "--checkpoint-keep" },
            checkpointDirectory.map { _ in "--checkpoint-directory" },
            checkpointWait.map { _ in "--checkpoint-wait" },
        ]
        return options.compactMap { $0 }.first
    }

    /// Throws one line when a value makes no sense.
    func request() throws -> CheckpointRequest {
        if noCheckpoints, let given {
            throw OobleckError(
                .usage,
                "\(given) and --no-checkpoints contradict each other; leave out one of the two"
            )
        }
        return CheckpointRequest(
            isOff: noCheckpoints,
            rhythm: try checkpointEvery.map { try CheckpointSpecification.Rhythm(argument: $0) },
            keep: checkpointKeep,
            directory: checkpointDirectory,
            wait: checkpointWait.map { Seconds($0) }
        )
    }
}

/// Changes to what a job says of checkpoints.
struct CheckpointRequest: Sendable {
    /// Whether there are to be none.
    var isOff = false
    var rhythm: CheckpointSpecification.Rhythm?
    var keep: Int?
    var directory: String?
    var wait: Seconds?

    /// The job's specification with the changes, its folder filled in.
    ///
    /// `nil` saves nothing. Throws one line when there is nothing to change.
    func applied(
        to specification: CheckpointSpecification?,
        runDirectory: String
    ) throws -> CheckpointSpecification? {
        if isOff { return nil }
        guard var new = specification ?? rhythm.map({ CheckpointSpecification($0) }) else {
            let given = [
                keep.map { _ in "--checkpoint-keep" },
                directory.map { _ in "--checkpoint-directory" },
                wait.map { _ in "--checkpoint-wait" },
            ]
            guard let option = given.compactMap({ $0 }).first else { return nil }
            throw OobleckError(
                .usage,
                "\(option) is set, but the job says checkpoint: none; add --checkpoint-every"
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
