import Foundation
import OobleckCore

extension TimedEvent {
    /// The line as it stands in `events.jsonl` and in messages of a watch, without the line feed.
    package var text: String {
        let node = event.node.map { ",\"node\":\($0)" } ?? ""
        let fields = fieldsText.map { ",\"fields\":\($0)" } ?? ""
        return "{\"time\":\(time.value),\"monotonic\":\(monotonic.value),"
            + "\"kind\":\(JSONText.string(event.kind.rawValue)),"
            + "\"generation\":\(event.generation),\"step\":\(event.step)\(node)\(fields),"
            + "\"message\":\(JSONText.string(event.message))}"
    }

    /// The fields as a JSON object, keys in order; `nil` for an untyped event.
    private var fieldsText: String? {
        guard let fields = RunEvent.Fields(event) else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        do {
            return String(decoding: try encoder.encode(fields), as: UTF8.self)
        } catch {
            // Every number can be written, and the keys are ours.
            preconditionFailure("the fields of \(event.kind.rawValue) cannot be written: \(error)")
        }
    }

    /// Reads a line of `events.jsonl`.
    ///
    /// Throws ``OobleckError/Code/inputData`` with one line.
    package static func parsing(_ line: String) throws -> TimedEvent {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        do {
            return try decoder.decode(TimedEvent.self, from: Data(line.utf8))
        } catch {
            throw OobleckError(.inputData, "not an event: \(oneLine(error))")
        }
    }
}
