import Foundation
import OobleckClock
import OobleckCore

/// What a run may leave behind: processes, sockets and files.
struct Leaks {
    /// Shared memory and temporary files that were there before the run.
    private let before: Set<String>

    /// Processes of an ended run may need so long to notice and leave.
    private static let grace: Seconds = 5
    private static let folders = ["/dev/shm", NSTemporaryDirectory()]

    init() throws { before = try Self.files() }

    /// What is left of a run that ended.
    func find(after run: ObservedRun) async throws -> [String] {
        let end = MonotonicTime.now + Self.grace
        var left = try processes(of: run)
        while !left.isEmpty, MonotonicTime.now < end {
            try await Task.sleep(for: .milliseconds(50))
            left = try processes(of: run)
        }
        return left + sockets(of: run) + (try files(of: run))
    }

    private func processes(of run: ObservedRun) throws -> [String] {
        let seen = run.seen.filter { ProcessTable.start(of: $0.key) == $0.value }.map(\.key)
        let named = try ProcessTable.mentioning(run.path)
        return Set(seen + named).sorted().map { "process \($0)" }
    }

    /// Sockets that still listen on, or are connected to, the coordinator's port.
    private func sockets(of run: ObservedRun) -> [String] {
        guard let port = run.port else { return [] }
        let hex = String(port, radix: 16, uppercase: true)
        let digits = String(repeating: "0", count: max(0, 4 - hex.count)) + hex
        return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { table -> [String] in
            let data = FileManager.default.contents(atPath: table) ?? Data()
            return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
                let fields = line.split(separator: " ")
                // State 01 is established, 0A listening; what waits to be forgotten is no leak.
                guard fields.count > 3, ["01", "0A"].contains(fields[3]),
                    fields[1].hasSuffix(":\(digits)") || fields[2].hasSuffix(":\(digits)")
                else { return nil }
                return "socket \(fields[1]) in state \(fields[3])"
            }
        }
    }

    private func files(of run: ObservedRun) throws -> [String] {
        let temporary = try Self.files().subtracting(before)
        let inside = FileManager.default.enumerator(atPath: run.path)?.compactMap { $0 as? String }
        let torn = (inside ?? []).filter { name in
            [".partial", ".tmp", ".new"].contains { name.hasSuffix($0) }
                || name == "coordinator.json"
        }
        return temporary.sorted().map { "file \($0)" } + torn.sorted().map { "file \($0)" }
    }

    /// Files of ours and of the tensor library in places that outlive processes.
    private static func files() throws -> Set<String> {
        var found: Set<String> = []
        for folder in folders where FileManager.default.fileExists(atPath: folder) {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder)
            where ["oobleck", "torch", "gloo"].contains(where: { name.hasPrefix($0) }) {
                found.insert(folder + "/" + name)
            }
        }
        return found
    }
}
