/// The unit of the times in a trace.
public enum TraceUnit: String, CaseIterable, Sendable {
    case nanoseconds, microseconds, milliseconds, seconds, minutes, hours, days

    /// Milliseconds of one.
    var milliseconds: Double {
        switch self {
        case .nanoseconds: 1e-6
        case .microseconds: 1e-3
        case .milliseconds: 1
        case .seconds: 1000
        case .minutes: 60_000
        case .hours: 3_600_000
        case .days: 86_400_000
        }
    }

    /// The unit that the name of a column has, as in `time_ms` or `Time (hours)`.
    init?(column name: String) {
        let words = name.lowercased().split { !$0.isLetter }.map(String.init)
        let names: [TraceUnit: [String]] = [
            .nanoseconds: ["ns", "nanosecond", "nanoseconds"],
            .microseconds: ["us", "\u{B5}s", "\u{3BC}s", "microsecond", "microseconds"],
            .milliseconds: ["ms", "msec", "millis", "millisecond", "milliseconds"],
            .seconds: ["s", "sec", "secs", "second", "seconds"],
            .minutes: ["min", "mins", "minute", "minutes"],
            .hours: ["h", "hr", "hrs", "hour", "hours"],
            .days: ["d", "day", "days"],
        ]
        let found = Self.allCases.filter { unit in
            words.contains { names[unit, default: []].contains($0) }
        }
        guard found.count == 1 else { return nil }
        self = found[0]
    }
}
