/// An event and when it was recorded: one line of `events.jsonl`.
package struct TimedEvent: Hashable, Sendable {
    /// Since 1970, to the millisecond.
    package var time: Seconds
    /// Since the machine's start, to the microsecond: for differences.
    package var monotonic: Seconds
    package var event: RunEvent

    /// The end of the year 9999.
    private static let lastTime: Seconds = 253_402_300_799

    /// The event at these times, which are rounded.
    package init(_ event: RunEvent, time: Seconds, monotonic: Seconds) {
        self.time = Seconds((time.value * 1e3).rounded() / 1e3)
        self.monotonic = Seconds((monotonic.value * 1e6).rounded() / 1e6)
        self.event = event
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
}
