import OobleckCore
import OobleckData

/// One event of a trace, in the JSON format of Chrome's tracing, which Perfetto reads too.
struct TraceEvent {
    private var fields: [String]

    /// Something that lasts, on the row `row` of the group `group`.
    static func slice(
        _ name: String,
        _ place: (group: Int, row: Int),
        start: Seconds,
        duration: Seconds,
        _ arguments: [(String, String)] = []
    ) -> TraceEvent {
        var event = TraceEvent("X", name, place, start)
        // Of rounded ends, so that what follows at once does not overlap.
        let end = microseconds(start + max(.zero, duration))
        event.fields.append("\"dur\":\(end - microseconds(start))")
        event.add(arguments)
        return event
    }

    /// A moment on a row.
    static func moment(
        _ name: String,
        _ place: (group: Int, row: Int),
        at time: Seconds,
        _ arguments: [(String, String)] = []
    ) -> TraceEvent {
        var event = TraceEvent("i", name, place, time)
        event.fields.append("\"s\":\"p\"")
        event.add(arguments)
        return event
    }

    /// One end of an arrow between the slices that lie at these places.
    static func flow(
        _ id: Int,
        _ name: String,
        isStart: Bool,
        _ place: (group: Int, row: Int),
        at time: Seconds
    ) -> TraceEvent {
        var event = TraceEvent(isStart ? "s" : "f", name, place, time)
        event.fields.append("\"cat\":\"flow\",\"id\":\(id)")
        if !isStart { event.fields.append("\"bp\":\"e\"") }
        return event
    }

    /// The name of a group, or of a row of one.
    static func name(_ name: String, group: Int, row: Int? = nil) -> TraceEvent {
        var event = TraceEvent(
            fields: ["\"ph\":\"M\"", "\"pid\":\(group)", "\"tid\":\(row ?? 0)"]
        )
        let what = row == nil ? "process_name" : "thread_name"
        event.fields.append("\"name\":\"\(what)\",\"args\":{\"name\":\(JSONText.string(name))}")
        return event
    }

    private init(fields: [String]) { self.fields = fields }

    private init(
        _ phase: String,
        _ name: String,
        _ place: (group: Int, row: Int),
        _ time: Seconds
    ) {
        fields = [
            "\"ph\":\"\(phase)\"", "\"name\":\(JSONText.string(name))", "\"pid\":\(place.group)",
            "\"tid\":\(place.row)", "\"ts\":\(Self.microseconds(time))",
        ]
    }

    private mutating func add(_ arguments: [(String, String)]) {
        guard !arguments.isEmpty else { return }
        let pairs = arguments.map { "\(JSONText.string($0.0)):\(JSONText.string($0.1))" }
        fields.append("\"args\":{\(pairs.joined(separator: ","))}")
    }

    private static func microseconds(_ time: Seconds) -> Int { Int((time.value * 1e6).rounded()) }

    /// The event as JSON.
    var text: String { "{\(fields.joined(separator: ","))}" }
}
