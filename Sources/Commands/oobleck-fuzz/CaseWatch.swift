import Foundation
import OobleckCore
import Synchronization

/// Knows which case runs, so that a crash or a hang can be told which it was.
enum CaseWatch {
    // Read by a signal handler, which must take no lock.
    private static let current = Atomic<Int>(-1)
    // Written before the cases of a target begin, read by the handler.
    nonisolated(unsafe) private static var name: UnsafeMutablePointer<CChar>?

    /// How much longer a case may take than the processor time it may use: others use the machine,
    /// too, and a case that waits for nothing uses none.
    private static let sharing = 30.0

    /// Tells of crashes from now on, and ends the process when a case takes more than `patience` of
    /// processor time, or hangs without using any.
    static func start(patience: Seconds) {
        useOwnStack()
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in CaseWatch.report(number) }
            action.sa_flags = SA_ONSTACK | Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(number, &action, nil)
        }
        let watcher = Thread {
            var last = -1
            var since = (wall: ContinuousClock.now, processor: processorTime)
            // Ends with the process.
            while true {
                Thread.sleep(forTimeInterval: 0.25)
                let now = current.load(ordering: .relaxed)
                guard now >= 0, now == last else {
                    last = now
                    since = (ContinuousClock.now, processorTime)
                    continue
                }
                let isBusy = processorTime - since.processor > patience
                let limit = Duration.seconds(patience.value * sharing)
                if isBusy || ContinuousClock.now - since.wall > limit {
                    put("  more than \(Int(patience.value)) s of processor time, or a hang:")
                    abort()
                }
            }
        }
        watcher.start()
    }

    /// Runs cases of a target; `body` gets a closure to call with the number of each.
    static func watching<Result>(_ target: String, _ body: ((Int) -> Void) -> Result) -> Result {
        free(name)
        name = strdup(target)
        defer { current.store(-1, ordering: .relaxed) }
        return body { current.store($0, ordering: .relaxed) }
    }

    private static var processorTime: Seconds {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let parts = [usage.ru_utime, usage.ru_stime]
        return Seconds(parts.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 })
    }

    /// The most memory that this process ever had.
    static var peakMemory: ByteCount {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return ByteCount(usage.ru_maxrss << 10)
    }

    /// A stack overflow leaves no room for its own report.
    private static func useOwnStack() {
        let size = 64 << 10
        var stack = stack_t()
        // Belongs to the process until its end.
        stack.ss_sp = malloc(size)
        stack.ss_size = size
        sigaltstack(&stack, nil)
    }

    /// Says which case runs, and lets the signal do what it does.
    private static func report(_ signal: Int32) {
        put("\n  crash in ")
        if let name { _ = write(STDOUT_FILENO, name, strlen(name)) }
        put(", case ")
        put(current.load(ordering: .relaxed))
        put(", signal ")
        put(Int(signal))
        put("\n")
        raise(signal)
    }

    private static func put(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    private static func put(_ text: StaticString) {
        _ = write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func put(_ number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(48 + number / divisor % 10)
            _ = write(STDOUT_FILENO, &digit, 1)
            divisor /= 10
        }
    }
}
