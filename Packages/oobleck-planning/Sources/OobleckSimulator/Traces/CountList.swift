import Foundation
import OobleckValues

/// Gathers the lines of a trace that gives counts of nodes over time.
struct CountList {
    /// The most nodes that a count may name.
    static let mostNodes = 1_000_000
    /// The most comings and goings that counts may stand for: a file of a few bytes a line must not
    /// fill the memory.
    static let mostEvents = 2_000_000

    /// Shorter lists, of which nobody says the unit, are more likely in minutes or hours than in
    /// seconds.
    private static let shortest: Seconds = 600

    private let name: String
    private let unit: TraceUnit?
    private var rows: [(stamp: TraceStamp, count: Int, line: Int)] = []

    /// `unit` is what somebody said of the times.
    init(name: String, unit: TraceUnit?) {
        self.name = name
        self.unit = unit
    }

    var isEmpty: Bool { rows.isEmpty }

    /// A line as `21556,4`, its time already read.
    mutating func add(_ stamp: TraceStamp, _ text: String, line: Int) throws {
        guard stamp.value >= 0 else {
            throw complaint(line, "\"\(stamp.text.prefix(20))\" is no time from 0 upward")
        }
        guard let count = Int(text), (0...Self.mostNodes).contains(count) else {
            throw complaint(
                line,
                "\"\(text.prefix(20))\" is no count of nodes from 0 to \(Self.mostNodes)"
            )
        }
        rows.append((stamp, count, line))
    }

    private func complaint(_ line: Int, _ what: String) -> OobleckError {
        OobleckError(.inputData, "\(name), line \(line): \(what)")
    }

    func reading() throws -> TraceReading {
        let form = try TraceStamp.commonForm(rows.map { ($0.stamp, $0.line) }, name: name)
        try checkOrder()
        let scale = try scale(form)
        guard scale.milliseconds(rows.last?.stamp.value ?? 0) <= Double(PreemptionTrace.longest)
        else {
            throw complaint(rows.last?.line ?? 0, "the last time is past ten years")
        }
        return TraceReading(
            trace: try Self.trace(
                rows.map { (Int(scale.milliseconds($0.stamp.value).rounded()), $0.count) },
                name: name
            ),
            times: scale.name,
            lines: rows.count,
            shortest: scale.name == "seconds" && unit == nil ? Self.shortest : 0
        )
    }

    private func checkOrder() throws {
        for (previous, row) in zip(rows, rows.dropFirst()) {
            guard row.stamp.value >= previous.stamp.value else {
                throw complaint(
                    row.line,
                    "time \(row.stamp.text) comes after \(previous.stamp.text); "
                        + "sort the lines by time"
                )
            }
            if unit == nil, let jump = TraceScale.jump(from: previous.stamp, to: row.stamp) {
                throw complaint(row.line, jump)
            }
        }
    }

    private func scale(_ form: TraceStamp.Form) throws -> TraceScale {
        let first = rows.first?.stamp.value ?? 0
        if form == .local || form == .zoned { return TraceScale(dates: first) }
        if let unit { return TraceScale(stated: unit, first: first) }
        do throws(TraceStamp.Mistake) {
            return try TraceScale(counts: rows.map(\.stamp))
        } catch {
            throw OobleckError(.inputData, "\(name): \(error.reason)")
        }
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

    static func reading(_ text: String, name: String) throws -> TraceReading {
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
        return TraceReading(
            trace: try PreemptionTrace(
                events: trace.events,
                end: Int(Double(file.data.count) * gap)
            ),
            times: "gaps of \(file.metadata.gapSeconds) s",
            lines: file.data.count,
            shortest: 0
        )
    }
}
