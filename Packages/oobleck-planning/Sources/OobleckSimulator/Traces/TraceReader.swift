import Foundation
import OobleckFiles
import OobleckValues

/// Reads the public formats of preemption traces.
///
/// - Event lists (Oobleck, Bamboo): `milliseconds,add or remove,node` in each line.
/// - Counts of nodes as the corners of a step plot: `time,count`.
/// - Counts about once a minute: `date, time, count`, as `2021-12-11, 11:11:30, 55`.
/// - Parcae: one JSON list a line, `[milliseconds, "add", {"nodes": [...]}]`.
/// - SkyPilot: `{"metadata": {"gap_seconds": 600}, "data": [1, 0, ...]}`.
///
/// In lists of events and counts times may also be dates with a time of day, or numbers since 1970;
/// `TraceScale` has the rule. A first line may name the columns, and the unit with them. Fields may
/// stand in quotes.
///
/// From counts, nodes are named in order of their coming, and the youngest goes first.
public struct TraceReader: Sendable {
    /// Largest file that is read.
    static let largest = 64 << 20

    private let path: String
    private let unit: TraceUnit?

    /// A reader of one file, whose times have `unit` if somebody says so.
    public init(path: String, unit: TraceUnit? = nil) {
        self.path = path
        self.unit = unit
    }

    /// Reads the file.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` with the line and what is wrong in it.
    public func read() throws -> PreemptionTrace { try reading().trace }

    /// Reads the file, and says how its times were understood.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` with the line and what is wrong in it.
    public func reading() throws -> TraceReading {
        let text = try TextFile.read(path, as: "trace", atMost: Self.largest)
        return try Self.reading(text, name: path, unit: unit)
    }

    /// The trace in a text; `name` stands in complaints.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` with the line and what is wrong in it.
    public static func trace(_ text: String, name: String) throws -> PreemptionTrace {
        try reading(text, name: name, unit: nil).trace
    }

    static func reading(_ text: String, name: String, unit: TraceUnit?) throws -> TraceReading {
        let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        if text.first(where: { !$0.isWhitespace }) == "{" {
            guard unit == nil else { throw Self.refusal(of: "gap_seconds", name) }
            return try SkyPilotTrace.reading(String(text), name: name)
        }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        let first = lines.firstIndex { !$0.isEmpty } ?? 0
        let header = first < lines.count ? TraceHeader(Self.fields(lines[first])) : nil
        var lists = TraceLists(name: name, unit: unit ?? header?.unit)
        return try lists.reading(of: lines, from: header == nil ? first : first + 1)
    }

    /// The fields of a line, without the quotes around them.
    static func fields(_ line: String) -> [String] {
        line.split(separator: ",", omittingEmptySubsequences: false).map { field in
            let field = field.trimmingCharacters(in: .whitespaces)
            guard field.count >= 2, field.hasPrefix("\""), field.hasSuffix("\"") else {
                return field
            }
            return field.dropFirst().dropLast().trimmingCharacters(in: .whitespaces)
        }
    }

    static func refusal(of what: String, _ name: String) -> OobleckError {
        OobleckError(.usage, "\(name): its times are \(what), which need no unit")
    }
}
