import Foundation
import OobleckValues

/// Gathers the lines of a trace that lists events.
struct EventList {
    private struct Row {
        let stamp: TraceStamp
        let change: PreemptionTrace.Event.Change
        let node: String
        let line: Int
    }

    /// Shorter lists, of which nobody says the unit, are more likely in seconds than in milliseconds.
    private static let shortest: Seconds = 600

    private let name: String
    private let unit: TraceUnit?
    private var rows: [Row] = []
    private var lines = 0
    private var end = 0.0

    /// `unit` is what somebody said of the times.
    init(name: String, unit: TraceUnit?) {
        self.name = name
        self.unit = unit
    }

    var isEmpty: Bool { rows.isEmpty }

    /// A line as `601200,remove,node5`, its time already read.
    mutating func add(_ stamp: TraceStamp, _ what: String, _ node: String, line: Int) throws {
        guard stamp.isDate || stamp.form == .whole || unit != nil else {
            throw complaint(
                line,
                "\"\(stamp.text.prefix(20))\" is no whole number of milliseconds; if it has another "
                    + "unit say which, as in unit seconds"
            )
        }
        let change: PreemptionTrace.Event.Change
        switch what {
        case "add": change = .add
        case "remove": change = .remove
        default: throw complaint(line, "\"\(what.prefix(20))\" is neither add nor remove")
        }
        guard !node.isEmpty else { throw complaint(line, "the node has no name") }
        rows.append(Row(stamp: stamp, change: change, node: node, line: line))
        lines += 1
    }

    /// A line as `[60000, "remove", {"nodes": ["node-3"], "duration": 60000}]`.
    mutating func addParcae(_ text: String, line: Int) throws {
        let list = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Any]
        guard let list, list.count == 3, let time = list[0] as? Int, let kind = list[1] as? String,
            let details = list[2] as? [String: Any], let nodes = details["nodes"] as? [String],
            let stamp = try? TraceStamp("\(time)")
        else {
            throw complaint(line, "not [milliseconds, \"add\", {\"nodes\": [...]}]")
        }
        end = max(end, Double(time) + Double(details["duration"] as? Int ?? 0))
        lines += 1
        guard kind == "add" || kind == "remove" else {
            guard nodes.isEmpty else {
                throw complaint(line, "\"\(kind.prefix(20))\" is neither add nor remove")
            }
            return
        }
        for node in nodes {
            rows.append(
                Row(stamp: stamp, change: kind == "add" ? .add : .remove, node: node, line: line)
            )
        }
    }

    private func complaint(_ line: Int, _ what: String) -> OobleckError {
        OobleckError(.inputData, "\(name), line \(line): \(what)")
    }

    func reading() throws -> TraceReading {
        guard let first = rows.first else {
            throw OobleckError(.inputData, "\(name): no events; a trace needs at least one node")
        }
        let form = try TraceStamp.commonForm(rows.map { ($0.stamp, $0.line) }, name: name)
        let scale: TraceScale
        if form == .local || form == .zoned {
            scale = TraceScale(dates: first.stamp.value)
        } else if let unit {
            scale = TraceScale(stated: unit, first: first.stamp.value)
        } else {
            scale = TraceScale(eventsFrom: first.stamp.value)
        }
        let trace = try trace(scale)
        return TraceReading(
            trace: trace,
            times: scale.name,
            lines: lines,
            shortest: scale.name == "milliseconds" && unit == nil && end == 0 ? Self.shortest : 0
        )
    }

    private func trace(_ scale: TraceScale) throws -> PreemptionTrace {
        let suffix = scale.name == "milliseconds" ? " ms" : ""
        var events: [PreemptionTrace.Event] = []
        var present: Set<String> = []
        var previous: TraceStamp?
        for row in rows {
            if let previous, row.stamp.value < previous.value {
                throw complaint(
                    row.line,
                    "time \(row.stamp.text)\(suffix) comes after \(previous.text)\(suffix); "
                        + "sort the events by time"
                )
            }
            if unit == nil, let previous,
                let jump = TraceScale.jump(from: previous, to: row.stamp)
            {
                throw complaint(row.line, jump)
            }
            let event = PreemptionTrace.Event(
                milliseconds: try milliseconds(row.stamp.value, scale, row.line) {
                    "time \(row.stamp.text)\(suffix)"
                },
                change: row.change,
                node: row.node
            )
            let mistake = PreemptionTrace.mistake(
                in: event,
                after: events.last,
                present: &present
            )
            if let mistake { throw complaint(row.line, mistake) }
            events.append(event)
            previous = row.stamp
        }
        let last = rows.last?.line ?? 0
        let end = end > 0 ? try milliseconds(end, scale, last) { "the end of a duration" } : nil
        return try PreemptionTrace(events: events, end: end)
    }

    private func milliseconds(
        _ time: Double,
        _ scale: TraceScale,
        _ line: Int,
        _ what: () -> String
    ) throws -> Int {
        let milliseconds = scale.milliseconds(time).rounded()
        guard (0...Double(PreemptionTrace.longest)).contains(milliseconds) else {
            throw complaint(
                line,
                "\(what()) is not between 0 and \(PreemptionTrace.longest) ms (ten years)"
            )
        }
        return Int(milliseconds)
    }
}
