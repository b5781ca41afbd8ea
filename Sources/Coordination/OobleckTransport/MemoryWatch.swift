import Dispatch
import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import Synchronization

/// Tells whether the kernel ended a process for want of memory.
///
/// A process that is killed so looks like any other that is killed by SIGKILL. The difference is in
/// the count of such kills that the kernel keeps for each control group: it is looked at while the
/// process lives, and again when it is gone.
final class MemoryWatch: Sendable {
    private struct Look {
        let time: Seconds
        let counter: OutOfMemoryCounter
        let kills: Int
    }

    /// Time between two looks.
    private static let interval: Seconds = 0.25
    /// Looks that are remembered: the end of a process with much memory takes its time after the
    /// kill was counted.
    private static let capacity = 8

    private let looks = Mutex<[Look]>([])
    private let groups: ControlGroups
    // Created, resumed once and cancelled once; Dispatch's sources are thread-safe.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    init(groups: ControlGroups = ControlGroups()) {
        self.groups = groups
        let queue = DispatchQueue(label: "oobleck.memory", qos: .utility)
        timer = DispatchSource.makeTimerSource(queue: queue)
    }

    deinit { timer.cancel() }

    /// Watches a process from now on; to be called once.
    func start(pid: Int32) {
        look(pid: pid)
        timer.setEventHandler { [weak self] in self?.look(pid: pid) }
        timer.schedule(
            deadline: .now() + Self.interval.value,
            repeating: Self.interval.value,
            leeway: .milliseconds(50)
        )
        timer.resume()
    }

    private func look(pid: Int32) {
        // A process that has ended is in no group of version 1 any more.
        guard let counter = groups.counter(ofProcess: pid), let kills = counter.kills() else {
            return
        }
        let look = Look(time: MonotonicTime.now, counter: counter, kills: kills)
        looks.withLock { looks in
            // Another group counts from another number.
            if let last = looks.last, last.counter != counter { looks = [] }
            if looks.count == Self.capacity { looks.removeFirst() }
            looks.append(look)
        }
    }

    /// Whether a process of the same group was killed for want of memory within the last looks.
    ///
    /// To be asked when the watched process was ended by SIGKILL.
    func sawKill() -> Bool {
        guard let first = looks.withLock({ $0.first }), let kills = first.counter.kills() else {
            return false
        }
        return kills > first.kills
    }
}

/// Where the kernel counts the processes that it killed for want of memory.
struct OutOfMemoryCounter: Hashable, Sendable {
    /// A file of lines "name count".
    let path: String
    private let name = "oom_kill"

    init(path: String) { self.path = path }

    /// The count; `nil` where there is none.
    func kills() -> Int? {
        guard let text = SystemFile.text(path) else { return nil }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2, parts[0] == name { return Int(parts[1]) }
        }
        return nil
    }
}

/// The control groups of processes, in either version of the kernel's interface.
struct ControlGroups: Sendable {
    private struct Mount: Sendable {
        let root: String
        let point: String
    }

    private let proc: String
    /// Of version 1 with the memory controller, and of version 2.
    private let (memory, unified): (Mount?, Mount?)

    /// Reads the mounts once; `proc` is where the kernel tells of processes.
    init(proc: String = "/proc") {
        self.proc = proc
        var (memory, unified): (Mount?, Mount?)
        for line in Self.lines(proc + "/self/mountinfo") {
            // 36 35 98:0 /root /point options ... - type source options
            let halves = line.components(separatedBy: " - ")
            let (front, back) = (
                halves[0].split(separator: " "), halves.last?.split(separator: " ")
            )
            guard halves.count == 2, front.count > 4, let back, back.count > 2 else { continue }
            let mount = Mount(root: String(front[3]), point: String(front[4]))
            if back[0] == "cgroup2" {
                unified = unified ?? mount
            } else if back[0] == "cgroup", back[2].split(separator: ",").contains("memory") {
                memory = memory ?? mount
            }
        }
        self.memory = memory
        self.unified = unified
    }

    /// Where kills of the group of a living process are counted.
    ///
    /// The kernel's count for the whole machine where its group has none.
    func counter(ofProcess pid: Int32) -> OutOfMemoryCounter? {
        let lines = Self.lines("\(proc)/\(pid)/cgroup")
        guard !lines.isEmpty else { return nil }
        for line in lines {
            // 4:memory:/path, or 0::/path
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let (mount, file): (Mount?, String) =
                parts[1].isEmpty ? (unified, "memory.events") : (memory, "memory.oom_control")
            let isMemory = parts[1].isEmpty || parts[1].split(separator: ",").contains("memory")
            guard isMemory, let mount else { continue }
            let counter = OutOfMemoryCounter(
                path: Self.folder(String(parts[2]), mount) + "/" + file
            )
            if counter.kills() != nil { return counter }
        }
        return OutOfMemoryCounter(path: proc + "/vmstat")
    }

    private static func folder(_ path: String, _ mount: Mount) -> String {
        let isBelow = mount.root != "/" && path.hasPrefix(mount.root)
        let relative = isBelow ? String(path.dropFirst(mount.root.count)) : path
        return mount.point + (relative == "/" ? "" : relative)
    }

    private static func lines(_ path: String) -> [String] {
        (SystemFile.text(path) ?? "").split(separator: "\n").map(String.init)
    }
}
