import Dispatch
import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import Synchronization

/// What this worker did in its last steps, for `oobleck trace`; of the training thread alone.
///
/// Costs two readings of the clock for each pass and each wait, and memory for ``capacity`` steps. A file with
/// them is replaced every ``period`` steps, on another thread.
final class StepTrace {
    /// Steps that are kept.
    static let capacity = 128
    /// Steps from one write of the file to the next.
    private static let period = 16
    /// Waits that are shorter are left out.
    private static let shortest: Seconds = 20e-6
    /// The variable of the environment with the path of the file; nothing is recorded without it, or if it is
    /// `off`.
    static let variable = "OOBLECK_TRACE"

    private var records: [TraceRecord] = []
    private var next = 0
    private var count = 0
    private let file: TraceFile?

    /// A trace as the environment asks for.
    convenience init() {
        let path = ProcessInfo.processInfo.environment[Self.variable]
        self.init(path: path == "off" ? nil : path)
    }

    /// A trace that is written to `path`; of nothing without one.
    init(path: String?) { file = path.map(TraceFile.init) }

    /// Begins an attempt at a step; what is added from now on belongs to it.
    func begin(_ generation: Generation, step: Int, _ assignment: StageAssignment) {
        guard file != nil else { return }
        if count > 0, count % Self.period == 0 { write() }
        let record = TraceRecord(
            generation: generation,
            step: step,
            pipeline: assignment.pipeline,
            stage: assignment.stage
        )
        if records.count < Self.capacity {
            records.append(record)
            next = records.count - 1
        } else {
            next = (next + 1) % Self.capacity
            records[next] = record
        }
        count += 1
    }

    /// Adds what began at `start` and ends now.
    func add(_ kind: TraceSpan.Kind, microbatch: Int? = nil, since start: Seconds) {
        guard file != nil, !records.isEmpty else { return }
        let duration = MonotonicTime.now - start
        let isWait = kind == .receive || kind == .send || kind == .sums
        guard !isWait || duration >= Self.shortest else { return }
        records[next].spans.append(
            TraceSpan(kind, microbatch: microbatch, start: start, duration: duration)
        )
    }

    /// Has the file written anew; waits for it, up to a second, if it `isLast`.
    func write(isLast: Bool = false) {
        guard let file, !records.isEmpty else { return }
        file.replace(Array(records[(next + 1)...] + records[...next]), isLast: isLast)
    }
}

/// The file of a trace, which another thread writes: a disk that stalls holds up no step.
private final class TraceFile: Sendable {
    private let path: String
    private let isBusy = Mutex(false)
    private let queue = DispatchQueue(label: "oobleck.trace", qos: .utility)

    init(_ path: String) { self.path = path }

    /// Replaces the file, unless it is still being written.
    func replace(_ records: [TraceRecord], isLast: Bool) {
        let done = DispatchSemaphore(value: 0)
        let isFree = isBusy.withLock { isBusy in
            defer { isBusy = true }
            return !isBusy
        }
        guard isFree || isLast else { return }
        queue.async { [self] in
            let text = records.map { $0.text + "\n" }.joined()
            // A trace is for people: one that cannot be written is none.
            do { try AtomicFile.write(Array(text.utf8), to: path, durably: false) } catch {}
            isBusy.withLock { $0 = false }
            done.signal()
        }
        if isLast { _ = done.wait(timeout: .now() + 1) }
    }
}
