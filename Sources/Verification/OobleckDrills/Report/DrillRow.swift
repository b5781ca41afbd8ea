import OobleckCore

/// What one fault of the matrix came to, over all of its runs.
package struct DrillRow: Sendable, Codable {
    /// The verdict.
    package enum Verdict: String, Sendable, Codable {
        case passed
        case failed
        case skipped
    }

    package var fault: DrillFault
    package var verdict = Verdict.passed
    /// Why it was skipped, or what did not hold, run by run.
    package var reasons: [String] = []
    package var runs = 0
    /// Nodes that were found lost.
    package var losses = 0
    /// From the fault to its discovery, and to the first step that every node begins anew.
    package var detected: [Seconds] = []
    package var recovered: [Seconds] = []
    /// Whether all runs ended with the undisturbed run's state; `nil` where that is not known.
    package var isStateEqual: Bool? = true
    package var samplesLost = 0
    package var samplesRepeated = 0
    /// Processes, sockets and files that were left behind.
    package var leaks: [String] = []
    /// How long all runs took.
    package var duration: Seconds = 0

    package init(fault: DrillFault) { self.fault = fault }

    package mutating func skip(_ reason: String) {
        verdict = .skipped
        reasons = [reason]
    }

    package mutating func fail(_ reason: String) {
        verdict = .failed
        reasons.append(reason)
    }

    private enum CodingKeys: String, CodingKey {
        case fault
        case verdict
        case reasons
        case runs
        case losses
        case detected = "detected_seconds"
        case recovered = "recovered_seconds"
        case isStateEqual = "state_equal"
        case samplesLost = "samples_lost"
        case samplesRepeated = "samples_repeated"
        case leaks
        case duration = "duration_seconds"
    }
}

/// All rows of a drill, and where and when it was held.
package struct DrillReport: Sendable, Codable {
    package var version: String
    package var started: String
    package var machine: String
    package var seed: UInt64
    package var repeats: Int
    /// State of the undisturbed runs, by fault tolerance.
    package var references: [String: String] = [:]
    package var rows: [DrillRow] = []
    package var duration: Seconds = 0
    /// Whether somebody ended the drill early: rows are missing, and the last may lack runs.
    package var isInterrupted = false

    package init(version: String, started: String, machine: String, seed: UInt64, repeats: Int) {
        self.version = version
        self.started = started
        self.machine = machine
        self.seed = seed
        self.repeats = repeats
    }

    package func count(_ verdict: DrillRow.Verdict) -> Int {
        rows.count { $0.verdict == verdict }
    }

    private enum CodingKeys: String, CodingKey {
        case version
        case started
        case machine
        case seed
        case repeats
        case references = "reference_state_sha256"
        case rows
        case duration = "duration_seconds"
        case isInterrupted = "interrupted"
    }
}

/// A few numbers of a distribution.
package struct Spread: Sendable {
    package let median: Seconds
    package let p90: Seconds
    package let greatest: Seconds

    /// Nothing without values.
    package init?(_ values: [Seconds]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        func quantile(_ share: Double) -> Seconds {
            sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
        }
        median = quantile(0.5)
        p90 = quantile(0.9)
        greatest = sorted[sorted.count - 1]
    }

    /// `118/315 ms`: median and greatest.
    package var text: String {
        "\(Self.milliseconds(median))/\(Self.milliseconds(greatest))"
    }

    static func milliseconds(_ time: Seconds) -> Int { Int((time.value * 1000).rounded()) }
}
