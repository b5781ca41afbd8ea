import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText

/// `oobleck verify`.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a run's ledger, digests and checkpoints offline."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        let report = try RunVerifier.verify(runDirectory)
        try Console.result(format == .json ? Console.json(report) : report.text)
        guard let first = report.violations.first else { return }
        let more = report.violations.count > 1 ? " (and \(report.violations.count - 1) more)" : ""
        throw OobleckError(.inputData, "\(first)\(more)")
    }
}

extension VerificationReport {
    /// The report for people.
    var text: String {
        var lines = [
            "steps        \(steps) committed under \(counted(generations, "generation"))",
            "samples      \(samplesCommitted) committed, \(samplesLost) lost, "
                + "\(samplesRepeated) repeated",
        ]
        if restores > 0 {
            lines.append(
                "restored     \(counted(restores, "time")) from a checkpoint, \(counted(stepsRedone, "step")) done again "
                    + "with the same losses"
            )
        }
        if skippedSteps > 0 {
            lines.append("skipped      \(counted(skippedSteps, "step")), by all nodes")
        }
        if evaluations > 0 {
            lines.append("evaluated    \(counted(evaluations, "state")) on the validation data")
        }
        if !verifiedCheckpoints.isEmpty {
            let list = verifiedCheckpoints.map(String.init).joined(separator: ", ")
            lines.append("checkpoints  intact at step \(list)")
        }
        for arithmetic in arithmetic {
            lines.append("arithmetic   \(arithmetic.mark): \(arithmetic.origin)")
        }
        if let stateSHA256 { lines.append("state_sha256 \(stateSHA256)") }
        if !isFinished { lines.append("the run has no result: it goes on, or was cut off") }
        lines += violations.map { "violation    \($0)" }
        lines.append(isIntact ? "all holds" : "does not hold")
        return lines.map { $0.foldedAfter(13, limit: Console.lineLimit) }.joined(separator: "\n")
    }
}
