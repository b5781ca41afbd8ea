import Foundation
import OobleckClock
import OobleckCore

/// What a run may leave behind: processes, sockets and files.
///
/// Only what the run itself made counts: each run has a folder of its own for temporary files
/// (``ObservedRun/temporaryPath``), and whatever else is on the machine belongs to others.
struct Leaks {
    /// Shared memory that was there before the run.
    private let before: Set<String>

    /// Processes of an ended run may need so long to notice and leave.
    private static let grace: Seconds = 5
    private static let sharedMemory = "/dev/shm"

    init() throws { before = try Self.segments() }

    /// What is left of a run that ended.
    func find(after run: ObservedRun) async throws -> [String] {
        let end = MonotonicTime.now + Self.grace
        var left = try processes(of: run)
        while !left.isEmpty, MonotonicTime.now < end {
            try await Task.sleep(for: .milliseconds(50))
            left = try processes(of: run)
        }
        return left.map { "process \($0)" } + sockets(of: run, heldBy: left) + (try files(of: run))
    }

    private func processes(of run: ObservedRun) throws -> [Int] {
        let seen = run.seen.filter { ProcessTable.start(of: $0.key) == $0.value }.map(\.key)
        let named = try ProcessTable.mentioning(run.path)
        return Set(seen + named).sorted()
    }

    /// Sockets of these processes that listen on, or are connected to, the coordinator's port.
    private func sockets(of run: ObservedRun, heldBy processes: [Int]) -> [String] {
        guard let port = run.port, !processes.isEmpty else { return [] }
        let held = Set(processes.flatMap(ProcessTable.sockets))
        let hex = String(port, radix: 16, uppercase: true)
        let digits = String(repeating: "0", count: max(0, 4 - hex.count)) + hex
        return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { table -> [String] in
            let data = FileManager.default.contents(atPath: table) ?? Data()
            return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
                let fields = line.split(separator: " ")
                // State 01 is established, 0A listening; what waits to be forgotten is no leak.
                guard fields.count > 9, ["01", "0A"].contains(fields[3]),
                    held.contains(String(fields[9])),
                    fields[1].hasSuffix(":\(digits)") || fields[2].hasSuffix(":\(digits)")
                else { return nil }
                return "socket \(fields[1]) in state \(fields[3])"
            }
        }
    }

    private func files(of run: ObservedRun) throws -> [String] {
        let manager = FileManager.default
        let temporary = manager.enumerator(atPath: run.temporaryPath)?
            .compactMap { ($0 as? String).map { "\(run.temporaryPath)/\($0)" } }
        let inside = manager.enumerator(atPath: run.path)?.compactMap { $0 as? String }
        let torn = (inside ?? []).filter { name in
            [".partial", ".tmp", ".new"].contains { name.hasSuffix($0) }
                || name == "coordinator.json"
        }
        let shared = try Self.segments().subtracting(before).filter { Self.isOf(run, $0) }
        return (shared.sorted() + (temporary ?? []).sorted() + torn.sorted()).map { "file \($0)" }
    }

    /// Whether a segment's name has the number of a process of the run, as the tensor library's have.
    private static func isOf(_ run: ObservedRun, _ segment: String) -> Bool {
        segment.split { !$0.isNumber }.contains { Int($0).map { run.seen[$0] != nil } ?? false }
    }

    private static func segments() throws -> Set<String> {
        let manager = FileManager.default
        guard manager.fileExists(atPath: sharedMemory) else { return [] }
        return Set(
            try manager.contentsOfDirectory(atPath: sharedMemory).map { "\(sharedMemory)/\($0)" }
        )
    }
}
