import Foundation
import OobleckClock
import OobleckCore
import OobleckData

/// One line of `events.jsonl`: an event and when it was recorded.
package struct TimedEvent: Hashable, Sendable {
    /// Since 1970, to the millisecond.
    package var time: Seconds
    /// Since the machine's start, to the microsecond: for differences.
    package var monotonic: Seconds
    package var event: RunEvent

    /// The end of the year 9999.
    private static let lastTime: Seconds = 253_402_300_799

    /// The event, now.
    package init(_ event: RunEvent) {
        time = Seconds((CalendarTime.now.value * 1e3).rounded() / 1e3)
        monotonic = Seconds((MonotonicTime.now.value * 1e6).rounded() / 1e6)
        self.event = event
    }

    /// The line as it stands in the file, without the line feed.
    package var text: String {
        let node = event.node.map { ",\"node\":\($0)" } ?? ""
        return "{\"time\":\(time.value),\"monotonic\":\(monotonic.value),"
            + "\"kind\":\(JSONText.string(event.kind.rawValue)),"
            + "\"generation\":\(event.generation),\"step\":\(event.step)\(node),"
            + "\"message\":\(JSONText.string(event.message))}"
    }
}

extension TimedEvent {
    /// The time of day for people, where this program runs, to the millisecond.
    package var localTime: String {
        var seconds = time_t(time.value)
        var parts = tm()
        localtime_r(&seconds, &parts)
        let milliseconds = Int((time.value * 1000).rounded()) % 1000
        return String(
            format: "%02d:%02d:%02d.%03d",
            parts.tm_hour,
            parts.tm_min,
            parts.tm_sec,
            milliseconds
        )
    }
}

extension TimedEvent: Decodable {
    private enum CodingKeys: String, CodingKey {
        case time
        case monotonic
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        time = try container.decode(Seconds.self, forKey: .time)
        monotonic = try container.decode(Seconds.self, forKey: .monotonic)
        event = try RunEvent(from: decoder)
        guard (0...Self.lastTime.value).contains(time.value), monotonic.value.isFinite else {
            throw DecodingError.dataCorruptedError(
                forKey: .time,
                in: container,
                debugDescription: "\(time.value) s since 1970 is no time"
            )
        }
    }

    /// Reads a line of `events.jsonl`.
    ///
    /// Throws `.inputData`.
    package static func parsing(_ line: String) throws -> TimedEvent {
        do {
            return try JSONDecoder().decode(TimedEvent.self, from: Data(line.utf8))
        } catch {
            throw OobleckError(.inputData, "not an event: \(oneLine(error))")
        }
    }
}
