import OobleckCore
import OobleckRunFiles

/// What the demonstration set out to show, checked.
struct DemoProof {
    let result: RunResult
    let reference: RunResult
    let report: VerificationReport
    let referenceReport: VerificationReport
    let isJoined: Bool

    /// What does not hold, each in one line; empty when all does.
    var failures: [String] {
        var failures: [String] = []
        func require(_ holds: Bool, _ message: String) { if !holds { failures.append(message) } }
        require(
            result.stateSHA256 == reference.stateSHA256,
            "the parameters differ: \(result.stateSHA256) with failures, "
                + "\(reference.stateSHA256) without"
        )
        require(
            result.finalLoss == reference.finalLoss,
            "the losses differ: \(result.lossForPeople) with failures, "
                + "\(reference.lossForPeople) without"
        )
        require(result.failures == 2, "failures are \(result.failures); 2 nodes were killed")
        require(result.recoveries.count == 2, "\(result.recoveries.count) recoveries of 2")
        require(isJoined, "the node that was added got no work")
        let samples = report.samplesCommitted
        require(
            samples == referenceReport.samplesCommitted,
            "\(samples) samples committed, \(referenceReport.samplesCommitted) without failures"
        )
        require(report.samplesLost == 0, "lost samples are \(report.samplesLost), not 0")
        require(report.samplesRepeated == 0, "\(report.samplesRepeated) samples were repeated")
        failures += (report.violations + referenceReport.violations).map(\.description)
        return failures
    }

    /// The proof as JSON (`--format json`).
    struct Document: Encodable {
        let isProven: Bool
        /// What does not hold.
        let failures: [String]
        let directory: String
        let referenceDirectory: String
        let result: RunResult
        let reference: RunResult
        let samplesCommitted: Int
        let samplesLost: Int
        let samplesRepeated: Int

        private enum CodingKeys: String, CodingKey {
            case isProven = "proven"
            case failures
            case directory
            case referenceDirectory = "reference_directory"
            case result
            case reference
            case samplesCommitted = "samples_committed"
            case samplesLost = "samples_lost"
            case samplesRepeated = "samples_repeated"
        }
    }

    /// The proof of runs that were recorded there.
    func document(_ directory: String, _ referenceDirectory: String) -> Document {
        Document(
            isProven: failures.isEmpty,
            failures: failures,
            directory: directory,
            referenceDirectory: referenceDirectory,
            result: result,
            reference: reference,
            samplesCommitted: report.samplesCommitted,
            samplesLost: report.samplesLost,
            samplesRepeated: report.samplesRepeated
        )
    }

    /// The proof for people.
    var text: String {
        let recoveries = result.recoveries.map { recovery in
            let time = Int((recovery.total.value * 1000).rounded())
            return "\(time) ms"
        }
        return [
            "   state_sha256 of parameters and optimizer state, all layers:",
            "   disturbed    \(result.stateSHA256)",
            "   undisturbed  \(reference.stateSHA256)",
            "   equal        \(result.stateSHA256 == reference.stateSHA256 ? "yes" : "NO")",
            "   loss         \(result.lossForPeople) and \(reference.lossForPeople)",
            "   samples      \(report.samplesCommitted) used once, \(report.samplesLost) lost, "
                + "\(report.samplesRepeated) repeated",
            "   ledger       \(counted(report.steps, "step")), hash chain "
                + (report.isIntact ? "intact" : "BROKEN"),
            "   failures     \(counted(result.failures, "node")) killed, trained again after "
                + recoveries.joined(separator: " and "),
            "   joined       \(isJoined ? "one node, which got work" : "NO")",
        ].joined(separator: "\n")
    }
}
