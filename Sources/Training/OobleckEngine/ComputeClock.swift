import Foundation
import OobleckClock
import OobleckCore
import OobleckData

/// Measures computing time, for the training thread.
///
/// Where several nodes of a run share a machine, a thread also waits for processors that the others
/// use, and it waits longer the more it computes. That is no property of its node, so the wait is
/// subtracted, except for the part that the node's own CPU quota caused.
///
/// The clocks are read one after the other, and the thread may wait between two readings, under a
/// tracer at each. The order of the readings ensures that a wait never counts as computing, and
/// that no interval is shorter than the processor time that it used.
final class ComputeClock {
    /// What the clocks say at one moment.
    struct Reading {
        fileprivate var wall: Seconds
        fileprivate var delay: Seconds
        fileprivate var processor: Seconds
    }

    /// A stretch of time.
    struct Interval: Equatable {
        var wall: Seconds = .zero
        /// The part in which the thread was runnable without a processor.
        var delay: Seconds = .zero
        /// Processor time that the thread used in it.
        var processor: Seconds = .zero

        static func + (left: Interval, right: Interval) -> Interval {
            Interval(
                wall: left.wall + right.wall,
                delay: left.delay + right.delay,
                processor: left.processor + right.processor
            )
        }

        /// Computing time, if the node itself caused `share` of the delay.
        ///
        /// Within the bounds that hold whatever the clocks say: not less than the processor time, not
        /// more than passed.
        func computing(ownShare share: Double = 0) -> Seconds {
            let wall = max(.zero, wall)
            let least = processor.bounded(by: .zero...wall)
            let others = (1 - share) * delay.bounded(by: .zero...wall)
            return (wall - others).bounded(by: least...wall)
        }
    }

    /// Whether other nodes of the run are on this machine, so that waits for a processor are left out.
    ///
    /// They come and go.
    var sharesMachine = false {
        didSet {
            if sharesMachine, !oldValue { throttledBefore = ControlGroup.throttledTime() }
        }
    }
    /// The file with the thread's run-queue wait; `nil` where it cannot be known.
    private let scheduling: Int32?
    private var throttledBefore = Seconds.zero

    /// A clock of the calling thread, which alone may use it.
    init() {
        let descriptor = open("/proc/thread-self/schedstat", O_RDONLY)
        scheduling = descriptor >= 0 ? descriptor : nil
    }

    deinit { if let scheduling { close(scheduling) } }

    private var leavesWaitsOut: Bool { sharesMachine && scheduling != nil }

    /// The start of a stretch.
    var now: Reading {
        guard leavesWaitsOut else {
            return Reading(wall: MonotonicTime.now, delay: .zero, processor: .zero)
        }
        let delay = runDelay()
        let wall = MonotonicTime.now
        return Reading(wall: wall, delay: delay, processor: processorTime())
    }

    /// Time since `start`.
    func elapsed(since start: Reading) -> Interval {
        guard leavesWaitsOut else { return Interval(wall: MonotonicTime.now - start.wall) }
        let processor = processorTime()
        let wall = MonotonicTime.now
        return Interval(
            wall: wall - start.wall,
            delay: runDelay() - start.delay,
            processor: processor - start.processor
        )
    }

    /// Computing times of a step from its intervals by layer: without the waits, but for the share
    /// of them that a limit of the node itself explains.
    func times(_ intervals: [Int: Interval]) -> [Int: Seconds] {
        guard leavesWaitsOut else { return intervals.mapValues(\.wall) }
        let throttled = ControlGroup.throttledTime()
        let own = throttled - throttledBefore
        throttledBefore = throttled
        let delays = intervals.values.reduce(Seconds.zero) { $0 + $1.delay }
        let share = delays > .zero ? min(1, max(0, own.value / delays.value)) : 0
        return intervals.mapValues { $0.computing(ownShare: share) }
    }

    /// Processor time that the thread has used.
    private func processorTime() -> Seconds {
        var time = timespec()
        guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return .zero }
        return Seconds(Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
    }

    /// Time that the thread has waited for a processor: the second number of schedstat, ns.
    private func runDelay() -> Seconds {
        guard let scheduling else { return .zero }
        var buffer = [UInt8](repeating: 0, count: 96)
        let count = pread(scheduling, &buffer, buffer.count, 0)
        guard count > 0 else { return .zero }
        let fields = buffer.prefix(count).split(separator: UInt8(ascii: " "))
        guard fields.count > 1 else { return .zero }
        let nanoseconds = fields[1].reduce(0.0) { 10 * $0 + Double($1 &- UInt8(ascii: "0")) }
        return Seconds(nanoseconds * 1e-9)
    }
}

/// The control group of this process.
enum ControlGroup {
    /// Time that the group's CPU quota has held its threads up so far; 0 without one.
    static func throttledTime() -> Seconds {
        guard let path = statisticsPath() else { return .zero }
        for line in text(path).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 2, let value = Double(fields[1]) else { continue }
            if fields[0] == "throttled_time" { return Seconds(value * 1e-9) }
            if fields[0] == "throttled_usec" { return Seconds(value * 1e-6) }
        }
        return .zero
    }

    /// `cpu.stat` of the group, in either version of the hierarchy.
    private static func statisticsPath() -> String? {
        let mount = "/sys/fs/cgroup"
        for line in text("/proc/self/cgroup").split(separator: "\n") {
            // hierarchy:controllers:/path
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path =
                fields[1].isEmpty
                ? "\(mount)\(fields[2])/cpu.stat"
                : fields[1].split(separator: ",").contains("cpu")
                    ? "\(mount)/cpu\(fields[2])/cpu.stat" : nil
            if let path, access(path, R_OK) == 0 { return path }
        }
        return nil
    }

    /// A small file's text; empty when it cannot be read.
    private static func text(_ path: String) -> String {
        SystemFile.text(path) ?? ""
    }
}
