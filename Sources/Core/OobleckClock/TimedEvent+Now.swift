import OobleckCore

extension TimedEvent {
    /// The event, now.
    package init(_ event: RunEvent) {
        self.init(event, time: CalendarTime.now, monotonic: MonotonicTime.now)
    }
}
