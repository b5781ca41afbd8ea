public import OobleckSimulator
public import OobleckValues

/// A policy of the paper's evaluation.
public enum PaperPolicy: String, Sendable, CaseIterable, Codable {
    /// Redundant computation (Thorpe et al., NSDI 2023).
    case bamboo
    /// Checkpoints and restarts (Athlur et al., EuroSys 2022).
    case varuna
    /// The same if checkpoints took no time and were made every second step (paper, table 4).
    case varunaWithoutOverhead = "varuna-nockpt"
    /// Pipeline templates.
    case oobleck

    /// The policy of a name.
    ///
    /// - Throws: `OobleckError.Code.usage` for an unknown name.
    public init(name: String) throws {
        guard let known = Self(rawValue: name.lowercased()) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(.usage, "there is no policy \(name) in the paper; it has \(names)")
        }
        self = known
    }
}

/// Which of the paper's experiments a trace belongs to; they were run with different settings.
public enum PaperExperiment: String, Sendable, CaseIterable, Codable {
    /// Nodes go at a fixed period (figure 9, tables 2 and 4).
    case frequency
    /// Nodes come and go as on a spot market (figures 10 and 12).
    case spot

    /// The experiment that a trace is for: nodes come after the start on spot markets only.
    public init(_ trace: PreemptionTrace) { self = trace.hasJoins ? .spot : .frequency }
}

/// What is set right in the published simulators; none of it to get their numbers.
public struct PaperCorrections: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: Int

    /// From bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// A reconfiguration that a later one replaced does not end.
    ///
    /// As published, each of several removals at once starts a timer; the first ends the
    /// reconfiguration and the second then finds no nodes and stops the system.
    public static let staleTimers = PaperCorrections(rawValue: 1)
    /// Nodes that come are used from the next step on, at the price of one reconfiguration.
    ///
    /// As published they wait until some node goes.
    public static let joins = PaperCorrections(rawValue: 2)
    /// Each second of the wall clock is counted once in the breakdown.
    public static let breakdown = PaperCorrections(rawValue: 4)

    /// All of them.
    public static let all: PaperCorrections = [.staleTimers, .joins, .breakdown]
}

extension PaperModel {
    /// How long Varuna took to start anew, with the checkpoint before it, as the paper measured.
    public var varunaRestart: Seconds {
        Seconds(Double(PaperTables.reconfiguration(self, .varuna)) / 1000)
    }
}
