import OobleckValues
import OobleckWords

/// A trace with how its file was understood.
public struct TraceReading: Sendable {
    /// When nodes come and go.
    public let trace: PreemptionTrace
    /// What the times were taken for, as "epoch seconds".
    public let times: String
    /// Lines, or counts, with a time.
    public let lines: Int
    /// The shortest trace that is believed to have the unit that its times were taken to have; 0 where
    /// the unit is not a guess.
    let shortest: Seconds

    /// What people are told of it.
    public var summary: String {
        "times read as \(times); \(counted(lines, "line")) over "
            + traceLength(milliseconds: Double(trace.end))
    }

    /// Throws ``OobleckError/Code/inputData`` when the trace is so short that its times most likely
    /// have another unit than they were taken to have.
    public func requirePlausibleLength(path: String) throws {
        let end = Double(trace.end)
        guard end > 0, end < shortest.value * 1000 else { return }
        throw OobleckError(
            .inputData,
            "\(path): the trace lasts \(traceLength(milliseconds: end)) when its times are read as "
                + "\(times); say which, as in unit seconds"
        )
    }
}
