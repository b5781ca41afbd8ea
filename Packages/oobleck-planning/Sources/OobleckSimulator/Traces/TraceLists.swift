import OobleckValues
import OobleckWords

/// Tells the lines of a trace apart: events or counts, never both.
struct TraceLists {
    private let name: String
    private let unit: TraceUnit?
    private var events: EventList
    private var counts: CountList

    init(name: String, unit: TraceUnit?) {
        self.name = name
        self.unit = unit
        events = EventList(name: name, unit: unit)
        counts = CountList(name: name, unit: unit)
    }

    /// The trace in the lines from index `first` on.
    mutating func reading(of lines: [String], from first: Int) throws -> TraceReading {
        let isParcae = first < lines.count && lines[first].hasPrefix("[")
        for index in first..<max(first, lines.count) where !lines[index].isEmpty {
            if isParcae {
                try events.addParcae(lines[index], line: index + 1)
            } else {
                try add(lines[index], line: index + 1)
            }
            guard counts.isEmpty || events.isEmpty else {
                throw complaint(index + 1, "another format than before")
            }
        }
        return try counts.isEmpty ? events.reading() : counts.reading()
    }

    private mutating func add(_ text: String, line: Int) throws {
        let fields = TraceReader.fields(text)
        let isDated = fields.count > 2 && fields[0].contains("-") && fields[1].contains(":")
        switch (fields.count, isDated) {
        case (2, _):
            try counts.add(
                try stamp(fields[0], line, "no time from 0 upward"),
                fields[1],
                line: line
            )
        case (3, true):
            try counts.add(try date(fields[0], fields[1], line), fields[2], line: line)
        case (3, false):
            let stamp = try stamp(fields[0], line, "no whole number of milliseconds")
            try events.add(stamp, fields[1], fields[2], line: line)
        case (4, true):
            try events.add(
                try date(fields[0], fields[1], line),
                fields[2],
                fields[3],
                line: line
            )
        default:
            throw complaint(
                line,
                "\(counted(fields.count, "field")) in \"\(text.prefix(40))\"; expected time,add or "
                    + "remove,node or time,count"
            )
        }
    }

    private func stamp(_ text: String, _ line: Int, _ number: String) throws -> TraceStamp {
        do throws(TraceStamp.Mistake) {
            return try refuseUnit(try TraceStamp(text))
        } catch {
            let reason = error.reason.hasPrefix("is no time") ? "is \(number)" : error.reason
            throw complaint(line, "\"\(text.prefix(40))\" \(reason)")
        }
    }

    private func date(_ date: String, _ clock: String, _ line: Int) throws -> TraceStamp {
        do throws(TraceStamp.Mistake) {
            return try refuseUnit(try TraceStamp(date: date, clock: clock))
        } catch {
            throw complaint(line, "\"\("\(date) \(clock)".prefix(40))\" \(error.reason)")
        }
    }

    private func refuseUnit(_ stamp: TraceStamp) throws(TraceStamp.Mistake) -> TraceStamp {
        guard stamp.isDate, let unit else { return stamp }
        throw TraceStamp.Mistake(reason: "is a date, which is not in \(unit.rawValue)")
    }

    private func complaint(_ line: Int, _ what: String) -> OobleckError {
        OobleckError(.inputData, "\(name), line \(line): \(what)")
    }
}

/// A first line that names the columns.
struct TraceHeader {
    /// The unit that the name of the first column has.
    let unit: TraceUnit?

    /// `nil` unless the first field is a name for times.
    init?(_ fields: [String]) {
        guard fields.count >= 2, let name = fields.first?.lowercased(),
            !name.contains(where: \.isNumber)
        else { return nil }
        let words = name.split { !$0.isLetter }.map(String.init)
        let isTime = words.contains { word in
            ["t", "ts", "elapsed"].contains(word)
                || ["time", "date", "stamp"].contains { word.contains($0) }
        }
        unit = TraceUnit(column: name)
        guard isTime || unit != nil else { return nil }
    }
}
