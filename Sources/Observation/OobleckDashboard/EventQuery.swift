import Foundation
import OobleckCore
import OobleckData

/// Which events somebody asks for.
package struct EventQuery: Sendable {
    /// Events of an answer at most.
    static let mostEvents = 200

    /// Kinds to show; all if empty.
    var kinds: Set<String> = []
    /// Kinds to leave out.
    var without: Set<String> = []
    var node: Int?
    /// Words that must stand in the sentence, in any case.
    var text = ""

    /// All events.
    package init() {}

    /// A query from the parameters of a request; what it does not know is ignored.
    package init(kinds: String?, without: String?, node: String?, text: String?) {
        self.kinds = Set((kinds ?? "").split(separator: ",").map(String.init))
        self.without = Set((without ?? "").split(separator: ",").map(String.init))
        self.node = node.flatMap { Int($0) }
        self.text = text ?? ""
    }

    /// Whether an event is asked for.
    func admits(_ event: RunEvent) -> Bool {
        let kind = event.kind.rawValue
        guard kinds.isEmpty || kinds.contains(kind), !without.contains(kind) else { return false }
        if let node, !Self.nodes(event).contains(node) { return false }
        guard !text.isEmpty else { return true }
        let sentence = event.message.lowercased()
        return text.lowercased().split(separator: " ").allSatisfy { sentence.contains($0) }
    }

    /// The nodes that an event is about.
    private static func nodes(_ event: RunEvent) -> [Int] {
        if case .recovered(let record) = event.content { return record.lostNodes.map(\.rawValue) }
        return event.node.map { [$0.rawValue] } ?? []
    }
}

/// An answer to an ``EventQuery``: the newest events first.
struct EventPage: Encodable {
    struct Line: Encodable {
        /// Seconds since 1970.
        var time: Double
        var step: Int
        var generation: Int
        var kind: String
        var node: Int?
        var message: String
    }

    var events: [Line]
    /// All that fit, also those that are not shown.
    var matching: Int
    var total: Int
    /// Kinds that the run has.
    var kinds: [String]

    /// The answer from all that is known of a run.
    init(_ query: EventQuery, _ model: RunModel) {
        let matching = model.told.filter { query.admits($0.event) }
        self.matching = matching.count
        total = model.toldDropped + model.told.count
        kinds = Set(model.told.map(\.event.kind.rawValue)).sorted()
        events = matching.suffix(EventQuery.mostEvents).reversed().map { timed in
            Line(
                time: timed.time.value,
                step: timed.event.step,
                generation: timed.event.generation.rawValue,
                kind: timed.event.kind.rawValue,
                node: timed.event.node?.rawValue,
                message: timed.event.message
            )
        }
    }
}
