import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles

/// All that a run's directory tells about it, for its page.
package struct RunStory: Sendable {
    /// The name of the directory.
    package var name: String
    package var job: JobSpecification
    /// The job as it was written.
    package var config: String
    /// Whether the run's own process is alive.
    package var isRunning: Bool
    package var events: [TimedEvent]
    package var metrics: [MetricsLine]
    /// The steps that count, and the evaluations of their states.
    package var steps: [CommittedStep] = []
    package var evaluations: [RecordedEvaluation] = []
    /// The hash of the ledger's last line, which covers all before it.
    package var lastHash: String?
    package var verification: VerificationReport
    /// `nil` for a run that is not finished.
    package var result: RunResult?
    /// The newest plan, and the names of its layers.
    package var plan: PlanDocument?
    package var layerNames: [String] = []

    /// A story of a job without any event.
    package init(name: String, job: JobSpecification, events: [TimedEvent] = []) {
        (self.name, self.job, self.events) = (name, job, events)
        config = ""
        isRunning = false
        metrics = []
        verification = VerificationReport()
    }

    /// Reads a run's directory; of a run that is not over, what there is so far.
    ///
    /// Throws `.inputData` when it is none. Costs one pass over its ledger, events and metrics; checkpoints are
    /// not read.
    package init(reading directory: RunDirectory) throws {
        self.init(
            name: URL(fileURLWithPath: directory.path).lastPathComponent,
            job: try directory.job()
        )
        config = try directory.configText()
        isRunning = directory.isRunning
        events = try Self.events(directory.eventsPath)
        metrics = try MetricsFile.lines(of: directory)
        verification = try RunVerifier.verifyLedger(of: directory)
        verification.isFinished = directory.isFinished
        try readLedger(directory.ledgerPath)
        if FileManager.default.fileExists(atPath: directory.resultPath) {
            result = try directory.result()
        }
        if FileManager.default.fileExists(atPath: directory.planPath) {
            plan = try directory.plan()
        }
        if FileManager.default.fileExists(atPath: directory.profilePath) {
            layerNames = try directory.profile().layers.map(\.name)
        }
    }

    /// Events in order; what cannot be read, or is still being written, is left out.
    private static func events(_ path: String) throws -> [TimedEvent] {
        try lines(path).compactMap { line in
            do { return try TimedEvent.parsing(String(decoding: line, as: UTF8.self)) } catch {
                return nil
            }
        }
    }

    private mutating func readLedger(_ path: String) throws {
        for bytes in try Self.lines(path) {
            let line: LedgerLine
            // What is wrong with it is a violation that the verification tells.
            do { line = try JSONDecoder().decode(LedgerLine.self, from: Data(bytes)) } catch {
                continue
            }
            lastHash = line.hash
            switch line.entry {
            case .step(let step): steps.append(step)
            case .restored(let restored):
                steps.removeAll { $0.step >= restored.step }
                evaluations.removeAll { $0.step > restored.step }
            case .evaluation(let evaluation):
                evaluations.removeAll { $0.step == evaluation.step }
                evaluations.append(evaluation)
            case .arithmetic: break
            }
        }
    }

    private static func lines(_ path: String) throws -> [ArraySlice<UInt8>] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let bytes = try OpenFile(path, for: .readBack).rest(from: 0)
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        return bytes[..<end].split(separator: UInt8(ascii: "\n"))
    }
}
