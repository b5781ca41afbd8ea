import Dispatch
import Foundation

/// Has a closure called when somebody wants this process to end.
final class SignalHandlers {
    private let sources: [any DispatchSourceSignal]

    /// Takes over the signals; `handler` is called with how many came so far.
    init(_ handler: @escaping @Sendable (_ count: Int) -> Void) {
        let queue = DispatchQueue(label: "oobleck.signals")
        // Only touched on the queue.
        nonisolated(unsafe) var count = 0
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                count += 1
                handler(count)
            }
            source.resume()
            return source
        }
    }

    /// Gives the signals back.
    func cancel() {
        for source in sources { source.cancel() }
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_DFL) }
    }
}
