import Foundation

/// Processes as the system knows them.
enum ProcessTable {
    /// When a process started, in ticks since boot; nothing when there is none or it is a zombie
    /// that only waits to be reaped.
    static func start(of pid: Int) -> UInt64? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else {
            return nil
        }
        let text = String(decoding: data, as: UTF8.self)
        guard let close = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    /// The sockets that a process has open, by their numbers in `/proc/net`.
    static func sockets(of pid: Int) -> [String] {
        let folder = "/proc/\(pid)/fd"
        let manager = FileManager.default
        guard let names = try? manager.contentsOfDirectory(atPath: folder) else { return [] }
        return names.compactMap { name in
            // Closed meanwhile, it is no leak.
            guard let link = try? manager.destinationOfSymbolicLink(atPath: "\(folder)/\(name)"),
                link.hasPrefix("socket:[")
            else { return nil }
            return String(link.dropFirst("socket:[".count).dropLast())
        }
    }

    /// Living processes whose command line has `text`, but ourselves.
    static func mentioning(_ text: String) throws -> [Int] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(Int.init)
            .filter { pid in
                guard pid != Int(getpid()), start(of: pid) != nil,
                    let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
                else { return false }
                return String(decoding: data, as: UTF8.self).contains(text)
            }
    }
}
