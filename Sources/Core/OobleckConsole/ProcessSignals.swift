import Dispatch
import Foundation
import Synchronization
import UnixSignals

/// The signals of this process: installed once, and passed to the code that handles them at
/// present.
///
/// SIGINT and SIGTERM ask for an end, SIGHUP as ``HangUp`` says, SIGUSR1 for a checkpoint. A process
/// that never calls ``start()`` keeps the system's defaults, but for SIGUSR1, which is ignored.
package final class ProcessSignals: Sendable {
    package typealias Request = SignalRequests.Request
    package typealias Handler = @Sendable (Request) -> Void

    package static let shared = ProcessSignals()

    private struct State {
        var requests = SignalRequests(hangUp: .goOn)
        var handlers: [(id: Int, handler: Handler)] = []
        var nextID = 0
        var isStarted = false
    }

    private let state = Mutex(State())
    private let executor = SignalExecutor()

    package init() {}

    /// The signal that first asked for the end; `nil` while none did.
    package var stopSignal: Int32? { state.withLock { $0.requests.stopSignal } }

    /// Makes commands without checkpoints ignore SIGUSR1, which would end them by default.
    package static func ignoreSaves() { signal(SIGUSR1, SIG_IGN) }

    /// Leaves all decisions about the end of this process to its parent, also when a signal reaches
    /// both.
    package static func ignoreAll() {
        for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { signal(number, SIG_IGN) }
    }

    /// Takes the signals over; once per process.
    ///
    /// - Parameter isSupervised: Whether a lost terminal requests the end, regardless of the
    ///   parent.
    package func start(isSupervised: Bool = false) async {
        var trapped: [UnixSignal] = [.sigint, .sigterm, .sigusr1]
        let isIgnored = Self.isIgnored(SIGHUP)
        // Under nohup a lost terminal has no effect.
        if !isIgnored { trapped.append(.sighup) }
        // Output of a run in the background must not stop it (stty tostop).
        signal(SIGTTOU, SIG_IGN)
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            state.requests.isBatchJob = HangUp.isBatchJob(ProcessInfo.processInfo.environment)
            state.requests.hangUp =
                isSupervised && !isIgnored ? .stop : .ofThisProcess(isIgnored: isIgnored)
            return !state.isStarted
        }
        precondition(isFirst, "signals are taken over once per process")
        let signals = await UnixSignalsSequence(trapping: trapped)
        for stream in [StandardStream.output, .errors] {
            stream.watchTerminal { [self] in receive(SIGHUP) }
        }
        // Ends with the process. Has a thread of its own, because commands may keep all others busy.
        Task(executorPreference: executor) {
            for await signal in signals { self.receive(signal.rawValue) }
        }
    }

    /// Hands what signals ask to `handler` while `body` runs.
    ///
    /// A later call takes precedence over earlier ones. An `isOutermost` call has the lowest
    /// precedence. If an end was requested before, `handler` is called at once. It runs on a thread
    /// of its own, and must not wait for long.
    package func handling<Result>(
        isOutermost: Bool = false,
        _ handler: @escaping Handler,
        during body: () async throws -> Result
    ) async rethrows -> Result {
        let (id, isStopping) = state.withLock { state in
            state.nextID += 1
            let place = isOutermost ? 0 : state.handlers.count
            state.handlers.insert((state.nextID, handler), at: place)
            return (state.nextID, state.requests.stopSignal != nil)
        }
        defer { state.withLock { $0.handlers.removeAll { $0.id == id } } }
        if isStopping { handler(.stop) }
        return try await body()
    }

    /// Performs the request of a signal; may be called from any thread.
    package func receive(_ signal: Int32) {
        let (request, handler) = state.withLock { state in
            (state.requests.request(for: signal), state.handlers.last?.handler)
        }
        if let request { handler?(request) }
    }

    private static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}

/// Runs the task that waits for signals.
private final class SignalExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "oobleck.signals", qos: .userInteractive)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
