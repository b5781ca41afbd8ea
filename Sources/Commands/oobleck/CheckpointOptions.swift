import ArgumentParser
import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckRuntime

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
    func request() throws -> CheckpointChoice {
        if noCheckpoints, let given {
            throw OobleckError(
                .usage,
                "\(given) and --no-checkpoints contradict each other; leave out one of the two"
            )
        }
        return CheckpointChoice(
            isOff: noCheckpoints,
            rhythm: try checkpointEvery.map { try CheckpointSpecification.Rhythm(argument: $0) },
            keep: checkpointKeep,
            directory: checkpointDirectory,
            wait: checkpointWait.map { Seconds($0) }
        )
    }
}
