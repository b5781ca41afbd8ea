import Foundation
import OobleckCore
import OobleckData

/// Reads the public formats of preemption traces.
///
/// - Event lists (Oobleck, Bamboo): `milliseconds,add or remove,node` in each line.
/// - Counts of nodes as the corners of a step plot: `time,count`; the time is in hours if it has
///   decimals, else in seconds, or in milliseconds if the last is past 10^7.
/// - Counts about once a minute: `date, time, count`, as `2021-12-11, 11:11:30, 55`.
/// - Parcae: one JSON list a line, `[milliseconds, "add", {"nodes": [...]}]`.
/// - SkyPilot: `{"metadata": {"gap_seconds": 600}, "data": [1, 0, ...]}`.
///
/// From counts, nodes are named in order of their coming, and the youngest goes first.
public struct TraceReader: Sendable {
    /// Largest file that is read.
    static let largest = 64 << 20

    private let path: String

    /// A reader of one file.
    public init(path: String) { self.path = path }

    /// Reads the file.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` with the line and what is wrong in it.
    public func read() throws -> PreemptionTrace {
        try Self.trace(try TextFile.read(path, atMost: Self.largest), name: path)
    }

    /// The trace in a text; `name` stands in complaints.
    public static func trace(_ text: String, name: String) throws -> PreemptionTrace {
        let start = text.first { !$0.isWhitespace }
        if start == "{" { return try SkyPilotTrace.trace(text, name: name) }
        var events = EventList(name: name)
        var counts = CountList(name: name)
        var number = 0
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            let line = line.trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty else { continue }
            if start == "[" {
                try events.addParcae(line, number: number)
                continue
            }
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            switch fields.count {
            case 2: try counts.add(fields, number: number)
            case 3 where fields[0].contains("-") && fields[1].contains(":"):
                try counts.addDated(fields, number: number)
            case 3: try events.add(fields, number: number)
            default:
                throw OobleckError(
                    .inputData,
                    "\(name), line \(number): \(counted(fields.count, "field")) in \"\(line.prefix(40))\"; "
                        + "expected time,add or remove,node or time,count"
                )
            }
            guard counts.isEmpty || events.isEmpty else {
                throw OobleckError(
                    .inputData,
                    "\(name), line \(number): another format than before"
                )
            }
        }
        return try counts.isEmpty ? events.trace() : counts.trace()
    }
}
