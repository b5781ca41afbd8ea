import Dispatch
import OobleckCore

/// Gives signs of life (``Deadlines/heartbeat``) from a thread that no computation holds up.
final class HeartbeatTimer: Sendable {
    // Created, resumed once and cancelled once; Dispatch's sources are thread-safe.
    private nonisolated(unsafe) let source: any DispatchSourceTimer

    init(budget: Seconds, _ beat: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "oobleck.heartbeat", qos: .userInteractive)
        source = DispatchSource.makeTimerSource(queue: queue)
        source.schedule(
            deadline: .now(),
            repeating: Deadlines(budget: budget).heartbeat.value,
            leeway: .milliseconds(1)
        )
        source.setEventHandler(handler: beat)
        source.resume()
    }

    func cancel() { source.cancel() }
}
