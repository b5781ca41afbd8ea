import Foundation
import OobleckCore
import OobleckData
import OobleckText
import OobleckTransport

/// What the system tells of this machine, for ``DoctorReport``.
enum MachineInspection {
    static func system() throws -> DoctorReport.System {
        let memory = memory()
        let folder = FileManager.default.currentDirectoryPath
        return DoctorReport.System(
            cores: MachineCores.available,
            memory: memory.total,
            freeMemory: memory.free,
            openFiles: ProcessEnvironment.raiseOpenFileLimit(),
            interfaces: try NetworkInterface.descriptions(),
            freeDisk: freeDisk(folder),
            folder: folder
        )
    }

    /// Of the whole machine, by `/proc/meminfo`, which counts in KiB.
    private static func memory() -> (total: ByteCount, free: ByteCount) {
        let text = SystemFile.text("/proc/meminfo") ?? ""
        var sizes: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == ":" || $0 == " " })
            guard words.count > 1, let size = Int(words[1]) else { continue }
            sizes[String(words[0])] = size << 10
        }
        return (ByteCount(sizes["MemTotal"] ?? 0), ByteCount(sizes["MemAvailable"] ?? 0))
    }

    private static func freeDisk(_ folder: String) -> ByteCount {
        var system = statvfs()
        guard statvfs(folder, &system) == 0 else { return 0 }
        return ByteCount(Int(clamping: UInt64(system.f_bavail) * UInt64(system.f_frsize)))
    }
}
