import Foundation
import OobleckCore

/// Gathers the lines of a trace that lists events.
struct EventList {
    private let name: String
    private var events: [PreemptionTrace.Event] = []
    private var present: Set<String> = []
    private var end = 0

    init(name: String) { self.name = name }

    var isEmpty: Bool { events.isEmpty }

    /// A line as `601200,remove,node5`.
    mutating func add(_ fields: [String], number: Int) throws {
        guard let time = Int(fields[0]) else {
            throw complaint(
                number,
                "\"\(fields[0].prefix(20))\" is no whole number of milliseconds"
            )
        }
        let change: PreemptionTrace.Event.Change
        switch fields[1] {
        case "add": change = .add
        case "remove": change = .remove
        default:
            throw complaint(number, "\"\(fields[1].prefix(20))\" is neither add nor remove")
        }
        guard !fields[2].isEmpty else { throw complaint(number, "the node has no name") }
        try append(
            PreemptionTrace.Event(milliseconds: time, change: change, node: fields[2]),
            number: number
        )
    }

    /// A line as `[60000, "remove", {"nodes": ["node-3"], "duration": 60000}]`.
    mutating func addParcae(_ line: String, number: Int) throws {
        let list = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [Any]
        guard let list, list.count == 3, let time = list[0] as? Int, let kind = list[1] as? String,
            let details = list[2] as? [String: Any], let nodes = details["nodes"] as? [String]
        else {
            throw complaint(number, "not [milliseconds, \"add\", {\"nodes\": [...]}]")
        }
        let (last, overflows) = time.addingReportingOverflow(details["duration"] as? Int ?? 0)
        guard !overflows, last <= PreemptionTrace.longest else {
            throw complaint(number, "the duration ends past ten years")
        }
        end = max(end, last)
        guard kind == "add" || kind == "remove" else {
            guard nodes.isEmpty else {
                throw complaint(number, "\"\(kind.prefix(20))\" is neither add nor remove")
            }
            return
        }
        for node in nodes {
            try append(
                PreemptionTrace.Event(
                    milliseconds: time,
                    change: kind == "add" ? .add : .remove,
                    node: node
                ),
                number: number
            )
        }
    }

    private mutating func append(_ event: PreemptionTrace.Event, number: Int) throws {
        if let mistake = PreemptionTrace.mistake(
            in: event,
            after: events.last,
            present: &present
        ) {
            throw complaint(number, mistake)
        }
        events.append(event)
    }

    private func complaint(_ number: Int, _ what: String) -> OobleckError {
        OobleckError(.inputData, "\(name), line \(number): \(what)")
    }

    func trace() throws -> PreemptionTrace {
        guard !events.isEmpty else {
            throw OobleckError(.inputData, "\(name): no events; a trace needs at least one node")
        }
        return try PreemptionTrace(events: events, end: end)
    }
}
