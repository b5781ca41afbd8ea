import OobleckValues

/// A time as it stands in a trace: a number, or a date and a time of day.
struct TraceStamp {
    enum Form: Equatable {
        /// Digits alone.
        case whole
        /// With a decimal point or an exponent.
        case decimal
        /// A date without a time zone, in seconds since the start of 1970.
        case local
        /// A date with one, in seconds of UTC.
        case zoned
    }

    /// Why a text is no time, in words that follow it.
    struct Mistake: Error { let reason: String }

    let text: String
    let value: Double
    let form: Form

    var isDate: Bool { form == .local || form == .zoned }

    /// One field: a number, or a date and a time of day with `T` or a space between.
    init(_ text: String) throws(Mistake) {
        guard text.dropFirst().contains("-"), text.contains(":") else {
            try self.init(number: text)
            return
        }
        let parts = text.split(maxSplits: 1) { $0 == "T" || $0 == "t" || $0 == " " }
        guard parts.count == 2 else { throw Mistake(reason: "is no date and time") }
        try self.init(date: String(parts[0]), clock: String(parts[1]))
    }

    private init(number text: String) throws(Mistake) {
        // Not all that Double reads is a number here: hexadecimal digits, NaN, infinities.
        let isPlain = text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
        guard isPlain, let value = Double(text), value.isFinite else {
            throw Mistake(reason: "is no time from 0 upward")
        }
        self.text = text
        self.value = value
        form = text.utf8.contains { ".eE".utf8.contains($0) } ? .decimal : .whole
    }

    /// As `2021-12-11` and `11:11:30`, the latter with a fraction and a zone (`Z`, `+01:00`) at will.
    init(date: String, clock: String) throws(Mistake) {
        let days = try Self.days(date)
        var clock = clock[...]
        let offset = try Self.removeZone(from: &clock)
        let seconds = try Self.seconds(clock)
        text = "\(date) \(clock)"
        value = Double(days * 86_400 - (offset ?? 0)) + seconds
        form = offset == nil ? .local : .zoned
    }

    /// Days since the start of 1970 in the Gregorian calendar.
    private static func days(_ text: String) throws(Mistake) -> Int {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(digits)
        guard parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2],
            (1970...9999).contains(year), (1...12).contains(month)
        else { throw Mistake(reason: "is no date and time") }
        let isLeapYear =
            year.isMultiple(of: 4) && !year.isMultiple(of: 100) || year.isMultiple(of: 400)
        let lengths = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...lengths[month - 1]).contains(day) else {
            throw Mistake(
                reason: "is no date and time: month \(month) of \(year) has "
                    + "\(lengths[month - 1]) days"
            )
        }
        // Years from March on, so that the leap day is the last.
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    /// Seconds since midnight; a leap second is the next day's first.
    private static func seconds(_ text: Substring) throws(Mistake) -> Double {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let last = parts.last?.split(separator: ".", maxSplits: 1) ?? []
        guard (2...3).contains(parts.count), let hour = digits(parts[0]),
            let minute = digits(parts[1]),
            let second = parts.count == 3 ? last.first.flatMap(digits) : 0,
            (0...23).contains(hour), (0...59).contains(minute),
            (0...59).contains(second) || (hour, minute, second) == (23, 59, 60)
        else { throw Mistake(reason: "is no date and time") }
        var fraction = 0.0
        if parts.count == 3, last.count == 2 {
            guard digits(last[1].prefix(9)) != nil, let value = Double("0." + last[1]) else {
                throw Mistake(reason: "is no date and time")
            }
            fraction = value
        }
        return Double(hour * 3600 + minute * 60 + second) + fraction
    }

    /// Cuts off the zone and returns its seconds east of UTC; `nil` without one.
    private static func removeZone(from clock: inout Substring) throws(Mistake) -> Int? {
        if clock.hasSuffix("Z") || clock.hasSuffix("z") {
            clock = clock.dropLast()
            return 0
        }
        guard let place = clock.firstIndex(where: { $0 == "+" || $0 == "-" }) else { return nil }
        let sign = clock[place] == "-" ? -1 : 1
        let figures = clock[clock.index(after: place)...].filter { $0 != ":" }
        guard figures.count == 4, let hour = digits(figures.prefix(2)),
            let minute = digits(figures.suffix(2)), hour <= 14, minute <= 59
        else { throw Mistake(reason: "has no time zone as Z or +01:00") }
        clock = clock[..<place]
        return sign * (hour * 3600 + minute * 60)
    }

    /// A number of one to nine decimal digits.
    private static func digits(_ text: some StringProtocol) -> Int? {
        guard (1...9).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }

    /// The form that all stamps of a file have, whole numbers beside decimal ones aside.
    ///
    /// Throws the line that has another.
    static func commonForm(
        _ stamps: [(stamp: TraceStamp, line: Int)],
        name: String
    ) throws -> Form {
        guard let first = stamps.first?.stamp else { return .whole }
        for (stamp, line) in stamps {
            let isAlike = first.isDate ? stamp.form == first.form : !stamp.isDate
            guard isAlike else {
                throw OobleckError(
                    .inputData,
                    "\(name), line \(line): \(stamp.text) is of another format than "
                        + "\(first.text); all times are numbers, or dates with a zone, or dates "
                        + "without"
                )
            }
        }
        return first.form
    }
}
