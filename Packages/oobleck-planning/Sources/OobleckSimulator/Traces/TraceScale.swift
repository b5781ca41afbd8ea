import OobleckValues

/// How the times of a trace become milliseconds since its start.
///
/// Dates count from the first one. So do numbers that are times since 1970 by their size: from
/// September 2001 to the year 2100, in seconds, milliseconds, microseconds or nanoseconds. Other
/// numbers count from 0; in a list of events they are milliseconds, as in the public ones. In a list
/// of counts the public files have three units:
///
/// | last time | with decimals | without |
/// | --- | --- | --- |
/// | up to 1,000 | hours where two times are less than 1 apart, else not known | seconds |
/// | up to 10^6 | seconds | seconds, but not known if all are multiples of 1,000 from 60,000 on |
/// | up to 10^7 | not known | not known |
/// | beyond | milliseconds | milliseconds |
///
/// What is not known has to be said.
struct TraceScale {
    /// As in "times read as NAME".
    let name: String
    private let unit: TraceUnit
    private let origin: Double

    /// The scale of times of which the file or somebody says the unit.
    init(stated unit: TraceUnit, first: Double) {
        let isEpoch = first * unit.milliseconds >= Self.epoch.lowerBound * 1000
        self.init(unit, origin: isEpoch ? first : 0)
    }

    /// The scale of dates.
    init(dates first: Double) {
        name = "dates"
        unit = .seconds
        origin = first
    }

    /// The scale of a list of events.
    init(eventsFrom first: Double) { self = Self(epoch: first) ?? Self(.milliseconds, origin: 0) }

    /// The scale of a list of counts in order of time, by the rule above.
    ///
    /// Throws the question that somebody has to answer.
    init(counts stamps: [TraceStamp]) throws(TraceStamp.Mistake) {
        let times = stamps.map(\.value)
        let (first, last) = (times.first ?? 0, times.last ?? 0)
        if let epoch = Self(epoch: first) {
            self = epoch
            return
        }
        let isDecimal = stamps.contains { $0.form == .decimal }
        let looksLikeMilliseconds =
            last >= 60_000 && times.allSatisfy { $0.truncatingRemainder(dividingBy: 1000) == 0 }
        switch (isDecimal, last) {
        case (_, (1e7).nextUp...): self.init(.milliseconds, origin: 0)
        case (_, (1e6).nextUp...): throw Self.question(last, .seconds, .milliseconds)
        case (false, _):
            if looksLikeMilliseconds { throw Self.question(last, .seconds, .milliseconds) }
            self.init(.seconds, origin: 0)
        case (true, ...1000):
            // Nothing changes twice within a second; within an hour it does.
            let isDense = zip([0] + times, times).contains { $1 > $0 && $1 - $0 < 1 }
            guard isDense else { throw Self.question(last, .hours, .seconds) }
            self.init(.hours, origin: 0)
        default: self.init(.seconds, origin: 0)
        }
    }

    /// Why a time cannot follow another one in a list of numbers of which nobody says the unit;
    /// `nil` where it can.
    ///
    /// From 0 to a time since 1970 there is no way but a mistake.
    static func jump(from previous: TraceStamp, to next: TraceStamp) -> String? {
        guard !previous.isDate, !next.isDate, previous.value < epoch.lowerBound,
            next.value - previous.value >= epoch.lowerBound
        else { return nil }
        return
            "time jumps from \(previous.text) to \(next.text); give all times since 1970, or none"
    }

    private init(_ unit: TraceUnit, origin: Double) {
        name = origin > 0 ? "epoch \(unit.rawValue)" : unit.rawValue
        self.unit = unit
        self.origin = origin
    }

    /// September 2001, when the seconds since 1970 got their tenth digit, to the end of 2099.
    private static let epoch = 1e9...4_102_444_799

    /// The scale of times since 1970, if the first one is of their size.
    private init?(epoch first: Double) {
        let units: [TraceUnit] = [.seconds, .milliseconds, .microseconds, .nanoseconds]
        let unit = units.first { Self.epoch.contains(first * $0.milliseconds / 1000) }
        guard let unit else { return nil }
        self.init(unit, origin: first)
    }

    private static func question(
        _ last: Double,
        _ one: TraceUnit,
        _ other: TraceUnit
    ) -> TraceStamp.Mistake {
        func length(_ unit: TraceUnit) -> String {
            traceLength(milliseconds: last * unit.milliseconds)
        }
        return TraceStamp.Mistake(
            reason:
                "the last time is \(text(last)): \(length(one)) if times are in \(one.rawValue), "
                + "\(length(other)) if in \(other.rawValue); say which, as in unit "
                + one.rawValue
        )
    }

    private static func text(_ time: Double) -> String {
        time == time.rounded() && time < 1e15 ? "\(Int(time))" : "\(time)"
    }

    /// Milliseconds since the start.
    func milliseconds(_ time: Double) -> Double { (time - origin) * unit.milliseconds }
}

/// A length of time for people, as `1.5 days`, `0.01 days` or `90 s`.
func traceLength(milliseconds: Double) -> String {
    let (seconds, days) = (milliseconds / 1000, milliseconds / 86_400_000)
    func rounded(_ value: Double, _ steps: Double) -> Double { (value * steps).rounded() / steps }
    if days >= 1 { return "\(rounded(days, 10)) days" }
    if days >= 0.01 { return "\(rounded(days, 100)) days" }
    return seconds >= 10 ? "\(Int(seconds)) s" : "\(rounded(seconds, 1000)) s"
}
