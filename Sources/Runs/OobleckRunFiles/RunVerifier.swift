import Foundation
import OobleckCore
import OobleckData

/// Checks a run's files offline, from nothing but the files (`oobleck verify`).
package enum RunVerifier {
    /// Checks ledger, event log, result and checkpoints against themselves and each other.
    ///
    /// What does not hold is in the report, each with its file and line. Throws `.inputData` only
    /// when `path` is not a run directory. Costs one pass over all files.
    package static func verify(_ path: String) throws -> VerificationReport {
        let directory = try RunDirectory.open(path: path)
        let job = try directory.job()
        var ledger = LedgerVerifier(file: directory.ledgerPath, job: job)
        try ledger.run()
        var report = ledger.report
        let events = try EventLogCheck(directory.eventsPath)
        report.violations += events.violations
        var states: [Int: String] = [:]
        let fingerprint = try JobFingerprint.of(job)
        for folder in try Checkpoint.folders(in: directory) {
            do {
                let checkpoint = try Checkpoint(path: folder)
                var violations = checkpoint.violations()
                if checkpoint.model != job.model {
                    violations.append(
                        RunViolation(
                            file: checkpoint.manifestPath,
                            message: "its model is not the job's"
                        )
                    )
                } else if let other = checkpoint.manifest.jobSHA256, other != fingerprint {
                    violations.append(
                        RunViolation(
                            file: checkpoint.manifestPath,
                            message: "it belongs to another job"
                        )
                    )
                }
                let restored = ledger.restoredStates[checkpoint.manifest.step]
                if let restored, restored != checkpoint.manifest.stateSHA256 {
                    violations.append(
                        RunViolation(
                            file: checkpoint.manifestPath,
                            message: "state_sha256 is \(checkpoint.manifest.stateSHA256); the "
                                + "ledger says that \(restored) was restored"
                        )
                    )
                }
                states[checkpoint.manifest.step] = checkpoint.manifest.stateSHA256
                if violations.isEmpty {
                    report.verifiedCheckpoints.append(checkpoint.manifest.step)
                }
                report.violations += violations
            } catch {
                report.violations.append(RunViolation(file: folder, message: oneLine(error)))
            }
        }
        if FileManager.default.fileExists(atPath: directory.resultPath) {
            report.isFinished = true
            check(directory, ledger, states: states, report: &report)
            let isDue = job.isEvaluated(after: ledger.report.steps)
            if isDue, ledger.lastEvaluation == nil, !events.excusesFinalState {
                report.violations.append(
                    RunViolation(
                        file: directory.ledgerPath,
                        message: "the last state is not evaluated, which is due at the end of a run"
                    )
                )
            }
        }
        return report
    }

    /// Checks the ledger of a run that may still train: its whole lines.
    package static func verifyLedger(of directory: RunDirectory) throws -> VerificationReport {
        var ledger = LedgerVerifier(file: directory.ledgerPath, job: try directory.job())
        try ledger.run(isGrowing: true)
        return ledger.report
    }

    /// Loss of the last step in a run's ledger that counts and whose loss is finite; `nil` without
    /// any.
    package static func lastLoss(of directory: RunDirectory) throws -> Double? {
        var ledger = LedgerVerifier(file: directory.ledgerPath, job: try directory.job())
        try ledger.run(isGrowing: true)
        return ledger.lastLoss
    }

    private static func check(
        _ directory: RunDirectory,
        _ ledger: LedgerVerifier,
        states: [Int: String],
        report: inout VerificationReport
    ) {
        let file = directory.resultPath
        let result: RunResult
        do {
            result = try directory.result()
        } catch {
            report.violations.append(RunViolation(file: file, message: oneLine(error)))
            return
        }
        report.stateSHA256 = result.stateSHA256
        var messages: [String] = []
        func require(_ field: String, _ found: Int, _ wanted: Int) {
            guard found != wanted else { return }
            messages.append("\(field) is \(found); the ledger has \(wanted)")
        }
        require("steps", result.steps, report.steps)
        require("samples_committed", result.samplesCommitted, report.samplesCommitted)
        require("samples_repeated", result.samplesRepeated, report.samplesRepeated)
        func text(_ loss: Double?) -> String { loss.map(numberForPeople) ?? "null" }
        if report.steps > 0, ledger.lastLoss != result.finalLoss {
            messages.append(
                "final_loss is \(text(result.finalLoss)); the ledger's last step that counts has "
                    + text(ledger.lastLoss)
            )
        }
        let evaluated = ledger.lastEvaluation?.finiteLoss
        if result.validationLoss != evaluated {
            messages.append(
                "validation_loss is \(text(result.validationLoss)); the ledger's evaluation of the last state has "
                    + text(evaluated)
            )
        }
        if let state = states[result.steps] {
            if state != result.stateSHA256 {
                messages.append(
                    "state_sha256 is \(result.stateSHA256); the checkpoint's is \(state)"
                )
            }
        } else {
            messages.append("there is no checkpoint of step \(result.steps) to compare with")
        }
        report.violations += messages.map { RunViolation(file: file, message: $0) }
    }
}
