import CDispatch
import Foundation
import OobleckCore

/// Threads that report a failure to start.
///
/// Foundation's `Thread` reports nothing when the system has no memory or no slot for a thread, and
/// never runs.
package enum SystemThread {
    /// What a new thread is to do, handed over by reference.
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread with a stack of the given size in bytes; it ends with `body`.
    ///
    /// Throws one line when it cannot be started.
    package static func start(
        stackBytes: Int,
        _ body: @escaping @Sendable () -> Void
    ) throws {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            },
            work.toOpaque()
        )
        guard status != 0 else { return }
        work.release()
        let reason = String(cString: strerror(status))
        throw OobleckError(
            .internalFault,
            "cannot start a thread: \(reason); there is no memory for it, or too many run"
        )
    }
}
