import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText

/// The last words of a run that has all its steps.
enum RunReport {
    /// Prints what the run came to, as text or as one JSON object.
    ///
    /// Throws `.inputData` when all of its steps were skipped: it trained nothing.
    static func show(
        _ ended: (directory: RunDirectory, result: RunResult),
        _ format: OutputFormat
    ) throws {
        let (directory, result) = ended
        let skipped = try RunVerifier.verifyLedger(of: directory).skippedSteps
        var lines = [
            Self.summary(result, skippedSteps: skipped),
            "state_sha256 \(result.stateSHA256)",
        ]
        if result.failures > 0 || result.reconfigurations > 0 {
            lines.append(
                "failures \(result.failures), reconfigurations \(result.reconfigurations)"
            )
        }
        for restored in result.restores ?? [] {
            let redone = restored.fromStep - restored.step
            lines.append("restored step \(restored.step), \(counted(redone, "step")) done again")
        }
        lines.append(
            "recorded in \(directory.path); check it: "
                + "oobleck verify \(directory.path.shellQuoted)"
        )
        do {
            let document = Document(
                directory: directory.path,
                skippedSteps: skipped,
                result: result
            )
            try Console.report(
                format == .json ? Console.json(document) : lines.joined(separator: "\n")
            )
        } catch let error as OobleckError {
            throw OobleckError(
                error.code,
                "the run is complete, in \(directory.path); \(error.message)"
            )
        }
        guard skipped < result.steps else {
            throw OobleckError(
                .inputData,
                "nothing was trained: no step counted, since the numbers of all were not finite; "
                    + "see \(directory.eventsPath) for the layer"
            )
        }
    }

    /// The run as JSON (`--format json`): its result.json, and where it is.
    private struct Document: Encodable {
        let directory: String
        let skippedSteps: Int
        let result: RunResult

        private enum CodingKeys: String, CodingKey {
            case directory
            case skippedSteps = "skipped_steps"
            case result
        }
    }

    /// Steps, loss, and how many steps were skipped, in one line.
    static func summary(_ result: RunResult, skippedSteps: Int) -> String {
        let steps = counted(result.steps, "step")
        let validation = result.validationLoss.map {
            ", validation loss \(Console.decimal($0, 4))"
        }
        let loss =
            (result.finalLoss.map { "loss \(Console.decimal($0, 4))" } ?? "no loss is known")
            + (validation ?? "")
        guard skippedSteps > 0 else { return "\(steps), \(loss)" }
        let count =
            skippedSteps < result.steps ? "\(skippedSteps) of them skipped" : "no step counted"
        return "\(steps), \(count), \(loss)"
    }
}
