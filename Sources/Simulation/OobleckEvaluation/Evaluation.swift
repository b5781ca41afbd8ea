import Crypto
import Foundation
import OobleckCore
import OobleckPaperSimulator
import OobleckSimulator

/// The paper's evaluation and ours, as figures, tables and one page.
public struct Evaluation {
    /// A folder of public traces, if there is one.
    public var traces: String?
    /// Worlds of each point by chance.
    public var trials: Int
    /// Seed of chance.
    public var seed: UInt64
    /// The program's version, for provenance.
    public var version: String
    /// Whether to leave out what is not in the paper, and takes longest.
    public var isPaperOnly: Bool

    /// An evaluation.
    public init(
        traces: String?,
        trials: Int = 8,
        seed: UInt64 = 1,
        version: String,
        isPaperOnly: Bool = false
    ) {
        self.traces = traces
        self.trials = trials
        self.seed = seed
        self.version = version
        self.isPaperOnly = isPaperOnly
    }

    /// Makes all figures, and the page with them.
    ///
    /// - Parameters:
    ///   - clock: Seconds since some start, for the planner's own times.
    ///   - progress: Called with the title of each figure before it is made; what it throws ends the
    ///     work.
    /// - Returns: Names and contents of all files.
    /// - Throws: ``OobleckError`` for traces that make no sense.
    public func files(
        clock: @escaping () -> Double,
        progress: (String) throws -> Void
    ) throws -> [(name: String, text: String)] {
        try result(clock: clock, progress: progress).files
    }

    /// Makes all figures; arguments and errors as of ``files(clock:progress:)``.
    public func result(
        clock: @escaping () -> Double,
        progress: (String) throws -> Void
    ) throws -> EvaluationResult {
        guard trials > 0 else {
            throw OobleckError(.usage, "trials are \(trials); there must be at least 1")
        }
        try progress("the published evaluation")
        let found = try EvaluationTraces(folder: traces)
        let results = try PaperResults(found)
        let paper = PaperFigures(results: results)
        var figures = [paper.frequency()]
        if let spot = paper.spot() { figures.append(spot) }
        figures += [paper.breakdown(), paper.withoutCheckpoints()]
        try progress("planning latency")
        let planning = try PlanningFigure(clock: clock).measured()
        figures.append(PlanningFigure.figure(planning))
        if !isPaperOnly { figures += try ours(found, progress) }
        return EvaluationResult(
            figures: figures,
            throughputs: PublishedValue.throughputs(results),
            effectiveShares: PublishedValue.effectiveShares(results),
            planningTimes: planning,
            differences: try Differences(results: results).list(),
            provenance: [
                "oobleck \(version)", "seed \(seed), \(trials) trials",
                "constants \(digest(PaperSimulation.constants))",
            ] + found.digests,
            hasSpotTraces: !found.spot.isEmpty
        )
    }

    private func ours(
        _ traces: EvaluationTraces,
        _ progress: (String) throws -> Void
    ) throws -> [Figure] {
        let ours = OurFigures(trials: trials, seed: seed)
        try progress("goodput against the failure rate")
        var figures = [try ours.meanTime()]
        try progress("goodput against scale")
        figures.append(try ours.scale())
        try progress("cost against goodput")
        figures.append(try ours.cost())
        try progress("goodput on spot traces")
        if let spot = try ours.spot(traces.spot + [traces.unscaled].compactMap { $0 }) {
            figures.append(spot)
        }
        return figures
    }

    private func digest(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
    }
}
