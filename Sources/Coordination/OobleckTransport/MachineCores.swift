import Foundation
import OobleckData

/// How many processors the nodes of this machine have together.
package enum MachineCores {
    /// Those that this process and its children may use: the processors that it may run on, or what
    /// the CPU quota of its control group, or of a group above it, comes to.
    package static var available: Double {
        let processors = Double(max(1, ProcessInfo.processInfo.activeProcessorCount))
        return min(processors, ControlGroupQuota().cores ?? processors)
    }
}

/// The CPU quota of a process's control group, in either version of the kernel's interface.
struct ControlGroupQuota {
    private let groups: String
    private let root: String

    /// `groups` tells which groups the process is in, `root` is where they are mounted.
    init(groups: String = "/proc/self/cgroup", root: String = "/sys/fs/cgroup") {
        self.groups = groups
        self.root = root
    }

    /// The least quota of the group and those above it, in processors; `nil` without any.
    var cores: Double? {
        var quotas: [Double] = []
        for line in text(groups).split(separator: "\n") {
            // hierarchy:controllers:/path
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[1].isEmpty {
                for mount in [root, root + "/unified"] {
                    quotas += folders(mount, String(parts[2])).compactMap { unified($0) }
                }
            } else if parts[1].split(separator: ",").contains("cpu") {
                for mount in [root + "/cpu", root + "/\(parts[1])"] {
                    quotas += folders(mount, String(parts[2])).compactMap { first($0) }
                }
            }
        }
        return quotas.min()
    }

    /// The folder of the group and of each above it; only the mount itself where the path is that of
    /// another name space.
    private func folders(_ mount: String, _ path: String) -> [String] {
        var parts = path.split(separator: "/").map(String.init)
        var folders: [String] = []
        repeat {
            folders.append(([mount] + parts).joined(separator: "/"))
        } while parts.popLast() != nil
        return folders
    }

    /// Version 2: `cpu.max` has the quota, or `max`, and the period.
    private func unified(_ folder: String) -> Double? {
        let fields = text(folder + "/cpu.max").split(whereSeparator: \.isWhitespace)
        guard fields.count == 2 else { return nil }
        return share(Double(fields[0]), Double(fields[1]))
    }

    /// Version 1: two files, with a quota of -1 for none.
    private func first(_ folder: String) -> Double? {
        func number(_ name: String) -> Double? {
            Double(text(folder + "/" + name).trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return share(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
    }

    private func share(_ quota: Double?, _ period: Double?) -> Double? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return quota / period
    }

    private func text(_ path: String) -> String {
        SystemFile.text(path) ?? ""
    }
}
