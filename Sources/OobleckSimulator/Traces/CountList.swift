import Foundation
import OobleckCore

/// Gathers the lines of a trace that gives counts of nodes over time.
struct CountList {
    /// The most nodes that a count may name.
    static let mostNodes = 1_000_000
    /// The most comings and goings that counts may stand for: a file of a few bytes a line must not
    /// fill the memory.
    static let mostEvents = 2_000_000

    private let name: String
    private var rows: [(time: Double, count: Int, line: Int)] = []
    private var hasDecimals = false
    private var hasDates = false

    init(name: String) { self.name = name }

    var isEmpty: Bool { rows.isEmpty }

    /// A line as `21556,4`.
    mutating func add(_ fields: [String], number: Int) throws {
        guard let time = Double(fields[0]), time.isFinite, time >= 0 else {
            throw complaint(number, "\"\(fields[0].prefix(20))\" is no time from 0 upward")
        }
        hasDecimals = hasDecimals || fields[0].contains(".")
        try append(time, fields[1], number)
    }

    /// A line as `2021-12-11, 11:11:30, 55`.
    mutating func addDated(_ fields: [String], number: Int) throws {
        let date = fields[0].split(separator: "-").compactMap { Int($0) }
        let clock = fields[1].split(separator: ":").compactMap { Int($0) }
        guard date.count == 3, clock.count == 3, (1...12).contains(date[1]),
            (1...31).contains(date[2]), (1970...9999).contains(date[0]),
            (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else {
            throw complaint(number, "\"\(fields[0]) \(fields[1])\" is no date and time")
        }
        hasDates = true
        let seconds = clock[0] * 3600 + clock[1] * 60 + clock[2]
        try append(
            Double(Self.days(date[0], date[1], date[2]) * 86_400 + seconds),
            fields[2],
            number
        )
    }

    private mutating func append(_ time: Double, _ text: String, _ number: Int) throws {
        guard let count = Int(text), (0...Self.mostNodes).contains(count) else {
            throw complaint(
                number,
                "\"\(text.prefix(20))\" is no count of nodes from 0 to \(Self.mostNodes)"
            )
        }
        if let last = rows.last, time < last.time {
            throw complaint(
                number,
                "time \(fieldText(time)) comes after \(fieldText(last.time)); "
                    + "sort the lines by time"
            )
        }
        rows.append((time, count, number))
    }

    private func fieldText(_ time: Double) -> String {
        time == time.rounded() && time < 1e15 ? "\(Int(time))" : "\(time)"
    }

    /// Days since the start of 1970 in the Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Years from March on, so that the leap day is the last.
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    private func complaint(_ number: Int, _ what: String) -> OobleckError {
        OobleckError(.inputData, "\(name), line \(number): \(what)")
    }

    func trace() throws -> PreemptionTrace {
        let first = rows.first?.time ?? 0
        let last = rows.last?.time ?? 0
        let unit: Double
        if hasDates {
            unit = 1000
        } else if hasDecimals {
            unit = 3_600_000
        } else {
            unit = last > 1e7 ? 1 : 1000
        }
        let origin = hasDates ? first : 0
        guard (last - origin) * unit <= Double(PreemptionTrace.longest) else {
            throw complaint(rows.count, "the last time is past ten years")
        }
        return try Self.trace(
            rows.map { (Int((($0.time - origin) * unit).rounded()), $0.count) },
            name: name
        )
    }

    /// The trace of nodes that follow these counts, at ascending times in milliseconds.
    ///
    /// Of the counts of one moment the last holds.
    static func trace(_ counts: [(time: Int, count: Int)], name: String) throws -> PreemptionTrace {
        var events: [PreemptionTrace.Event] = []
        var present: [String] = []
        var named = 0
        for (index, row) in counts.enumerated() {
            if index + 1 < counts.count, counts[index + 1].time == row.time { continue }
            guard events.count + abs(row.count - present.count) <= mostEvents else {
                throw OobleckError(
                    .inputData,
                    "\(name): up to count \(index + 1) more than \(mostEvents) nodes come and go; "
                        + "the counts are no nodes"
                )
            }
            while present.count < row.count {
                named += 1
                present.append("node\(named)")
                events.append(
                    PreemptionTrace.Event(
                        milliseconds: row.time,
                        change: .add,
                        node: "node\(named)"
                    )
                )
            }
            while present.count > row.count {
                events.append(
                    PreemptionTrace.Event(
                        milliseconds: row.time,
                        change: .remove,
                        node: present.removeLast()
                    )
                )
            }
        }
        guard !events.isEmpty else {
            throw OobleckError(.inputData, "\(name): there is never a node in this trace")
        }
        return try PreemptionTrace(events: events, end: counts.last?.time)
    }
}

/// Reads SkyPilot's format: counts of nodes at equal gaps.
enum SkyPilotTrace {
    private struct File: Decodable {
        struct Metadata: Decodable {
            let gapSeconds: Double

            private enum CodingKeys: String, CodingKey {
                case gapSeconds = "gap_seconds"
            }
        }

        let metadata: Metadata
        let data: [Int]
    }

    static func trace(_ text: String, name: String) throws -> PreemptionTrace {
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: Data(text.utf8))
        } catch {
            throw OobleckError(
                .inputData,
                "\(name): not {\"metadata\": {\"gap_seconds\": 600}, \"data\": [1, 0, ...]}"
            )
        }
        let gap = file.metadata.gapSeconds * 1000
        guard gap.isFinite, gap >= 1,
            gap * Double(file.data.count) <= Double(PreemptionTrace.longest)
        else {
            throw OobleckError(
                .inputData,
                "\(name): gap_seconds is \(file.metadata.gapSeconds); it must be at least 0.001 and "
                    + "all gaps together at most ten years"
            )
        }
        for (index, count) in file.data.enumerated()
        where !(0...CountList.mostNodes).contains(count) {
            throw OobleckError(
                .inputData,
                "\(name): count \(index + 1) is \(count); it must be from 0 to \(CountList.mostNodes)"
            )
        }
        let trace = try CountList.trace(
            file.data.enumerated().map { (Int(Double($0.offset) * gap), $0.element) },
            name: name
        )
        return try PreemptionTrace(
            events: trace.events,
            end: Int(Double(file.data.count) * gap)
        )
    }
}
