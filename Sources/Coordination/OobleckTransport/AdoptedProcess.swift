import Foundation
import OobleckData

/// A process of an earlier coordinator's run on this machine: not our child, so that its number may
/// be a stranger's by now; signals go only to the one that it was.
struct AdoptedProcess: Sendable {
    let pid: pid_t
    private let startTime: String

    /// The process with this number, if its arguments have `mark` and it leads its process group.
    init?(pid: pid_t, mark: String) {
        guard let line = SystemFile.bytes("/proc/\(pid)/cmdline"),
            let startTime = Self.startTime(of: pid), getpgid(pid) == pid,
            line.split(separator: 0).contains(where: { $0.elementsEqual(mark.utf8) })
        else { return nil }
        self.pid = pid
        self.startTime = startTime
    }

    /// Whether no process has this number, or one that is dead and waits to be reaped.
    static func isGone(_ pid: pid_t) -> Bool { startTime(of: pid) == nil }

    /// Whether it still runs, and is the one that it was.
    var isAlive: Bool { Self.startTime(of: pid) == startTime }

    /// Sends a signal to the process and all of its group; false when it is gone.
    func signalGroup(_ number: Int32) -> Bool { isAlive && kill(-pid, number) == 0 }

    /// When it started, in the kernel's words; `nil` when it is gone or dead.
    private static func startTime(of pid: pid_t) -> String? {
        guard let text = SystemFile.text("/proc/\(pid)/stat") else { return nil }
        // The name in parentheses may hold anything; the state follows it.
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[name...].split(separator: " ")
        guard fields.count > 20, fields[1] != "Z" else { return nil }
        return String(fields[20])
    }
}
