import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles

/// What a run of real processes came to.
public struct LiveRun: Sendable {
    /// What it was, as `2 + 3 nodes`.
    public var title: String
    /// Where its files are, for people.
    public var path: String
    /// The plans that it trained under, in order, with the nodes that were lost before each.
    public var plans: [(document: PlanDocument, lost: [NodeID])]
    /// Losses of all steps, in order.
    public var losses: [Double]
    /// Digest of parameters and optimizer state of all layers.
    public var stateSHA256: String
    /// Nodes that were lost.
    public var failures: Int
    /// From each failure to the first step after it.
    public var recoverySeconds: [Double]
    /// Samples that some step used.
    public var samples: Int
    /// Samples that no step used, or two.
    public var wrongSamples: Int
    /// Returns to a checkpoint.
    public var restores: Int
    /// What does not hold in its files.
    public var violations: [String]
    /// How long it took, start and end included.
    public var seconds: Double

    /// A run with all its parts.
    public init(
        title: String,
        path: String,
        plans: [(document: PlanDocument, lost: [NodeID])] = [],
        losses: [Double],
        stateSHA256: String,
        failures: Int = 0,
        recoverySeconds: [Double] = [],
        samples: Int,
        wrongSamples: Int = 0,
        restores: Int = 0,
        violations: [String] = [],
        seconds: Double = 0
    ) {
        self.title = title
        self.path = path
        self.plans = plans
        self.losses = losses
        self.stateSHA256 = stateSHA256
        self.failures = failures
        self.recoverySeconds = recoverySeconds
        self.samples = samples
        self.wrongSamples = wrongSamples
        self.restores = restores
        self.violations = violations
        self.seconds = seconds
    }

    /// What the files of a finished run say, verified as `oobleck verify` does.
    package init(
        title: String,
        directory: RunDirectory,
        plans: [(document: PlanDocument, lost: [NodeID])],
        seconds: Double
    ) throws {
        let result = try directory.result()
        let report = try RunVerifier.verify(directory.path)
        self.init(
            title: title,
            path: directory.path,
            plans: plans,
            losses: try Self.losses(directory),
            stateSHA256: result.stateSHA256,
            failures: result.failures,
            recoverySeconds: result.recoveries.map(\.total.value),
            samples: report.samplesCommitted,
            wrongSamples: report.samplesLost + report.samplesRepeated,
            restores: report.restores,
            violations: report.violations.map(\.description),
            seconds: seconds
        )
    }

    /// The steps' losses from the ledger.
    private static func losses(_ directory: RunDirectory) throws -> [Double] {
        let lines = try TextFile.read(directory.ledgerPath).split(separator: "\n")
        return try lines.compactMap { line in
            try JSONDecoder().decode(LedgerLine.self, from: Data(line.utf8)).committed?.loss
        }
    }

    /// The changes from each plan to the next.
    public var transitions: [PlanTransition] {
        zip(plans, plans.dropFirst()).map { before, after in
            PlanTransition(before: before.document, after: after.document, lost: after.lost)
        }
    }
}
