import Dispatch
import OobleckClock
import OobleckCore
import OobleckRunFiles
import Synchronization

/// Writes what only people read of a run (events, status, plan) on a queue of its own: a disk that
/// is full, fails or stalls neither ends nor delays the run.
///
/// Events wait in order until they can be written, up to ``mostLines``; of status and plan only the
/// newest waits.
final class DisplayFiles: Sendable {
    /// Events that may wait; the oldest of more are dropped, and counted.
    static let mostLines = 10_000
    /// Time between two attempts.
    private static let pause: Seconds = 0.5

    private struct State {
        var events: [TimedEvent] = []
        var dropped = 0
        var status: RunStatus?
        var plan: PlanDocument?
        /// Whether a write is to come.
        var isScheduled = false

        var isEmpty: Bool { events.isEmpty && status == nil && plan == nil }
    }

    private let recorder: RunRecorder
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "oobleck.display", qos: .utility)

    init(_ recorder: RunRecorder) { self.recorder = recorder }

    func log(_ event: TimedEvent) {
        change { state in
            state.events.append(event)
            guard state.events.count > Self.mostLines else { return }
            // Half at once, so that what is dropped costs little each.
            state.dropped += Self.mostLines / 2
            state.events.removeFirst(Self.mostLines / 2)
        }
    }

    func show(_ status: RunStatus) { change { $0.status = status } }

    func publish(_ plan: PlanDocument) { change { $0.plan = plan } }

    /// Returns once all is written, at the latest after `time`.
    func flush(within time: Seconds) {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.write()
            // What is not on the device now is lost only with the machine.
            do { try self.recorder.synchronizeEvents() } catch {}
            done.signal()
        }
        _ = done.wait(timeout: .now() + time.value)
    }

    private func change(_ body: (inout sending State) -> Void) {
        let mustSchedule = state.withLock { state in
            body(&state)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { queue.async { self.write() } }
    }

    private func write() {
        let (events, dropped, status, plan) = state.withLock { state in
            let all = (state.events, state.dropped, state.status, state.plan)
            (state.events, state.dropped, state.status, state.plan) = ([], 0, nil, nil)
            return all
        }
        let rest = writeEvents(events, dropped)
        // Of the status another follows soon.
        if let status { do { try recorder.write(status) } catch {} }
        var unwritten = plan
        if let plan {
            do {
                try recorder.write(plan)
                unwritten = nil
            } catch {}
        }
        finish(rest.events, rest.dropped, unwritten)
    }

    /// Returns what could not be written.
    private func writeEvents(
        _ events: [TimedEvent],
        _ dropped: Int
    ) -> (events: ArraySlice<TimedEvent>, dropped: Int) {
        var (rest, dropped) = (events[...], dropped)
        do {
            if dropped > 0, let first = events.first {
                var note = first
                note.event.content = .warning(.eventsDropped(dropped))
                try recorder.log(note)
                dropped = 0
            }
            while let event = rest.first {
                try recorder.log(event)
                rest.removeFirst()
            }
        } catch {
            // Tried again; the run is told of trouble by what it must keep.
        }
        return (rest, dropped)
    }

    private func finish(_ rest: ArraySlice<TimedEvent>, _ dropped: Int, _ plan: PlanDocument?) {
        let delay: Seconds? = state.withLock { state in
            state.events = rest + state.events
            state.dropped += dropped
            state.plan = state.plan ?? plan
            let isFailing = !rest.isEmpty || plan != nil
            guard !state.isEmpty else {
                state.isScheduled = false
                return nil
            }
            state.isScheduled = true
            return isFailing ? Self.pause : 0
        }
        guard let delay else { return }
        queue.asyncAfter(deadline: .now() + delay.value) { self.write() }
    }
}
