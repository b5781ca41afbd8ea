import Foundation
import OobleckCore
import OobleckFieldDrill

/// `oobleck drill` on real processes.
struct FieldDrill {
    let faults: String
    let seed: UInt64
    let repeats: Int
    let reportPath: String?

    func run() async throws {
        let rows = try DrillFault.parse(faults)
        let executables = try Executables()
        let folder = NSTemporaryDirectory() + "/drill-\(UUID().uuidString)"
        let laboratory = try DrillLaboratory(
            folder: folder,
            executable: executables.command,
            workerExecutable: executables.worker
        )
        let drill = Drill(laboratory: laboratory, faults: rows, seed: seed, repeats: repeats)
        Console.show(DrillReport.heading)
        let work = Task {
            try await drill.run(into: newReport()) { row in
                for line in row.lines { Console.show(line) }
            }
        }
        // Interrupted, it takes its processes and namespaces with it.
        let signals = SignalHandlers { _ in work.cancel() }
        defer { signals.cancel() }
        let report = try await work.value
        Console.show(report.closing)
        if let reportPath { try write(report, to: reportPath) }
        guard report.count(.failed) == 0 else {
            throw OobleckError(
                .internalFault,
                "\(report.count(.failed)) of \(report.rows.count) rows failed; their runs are in "
                    + folder
            )
        }
        try FileManager.default.removeItem(atPath: folder)
    }

    private func newReport() -> DrillReport {
        let system = ProcessInfo.processInfo
        return DrillReport(
            version: Oobleck.version,
            started: Date().ISO8601Format(),
            machine: "\(system.activeProcessorCount) cores, "
                + "\(system.physicalMemory >> 30) GiB, \(system.operatingSystemVersionString)",
            seed: seed,
            repeats: repeats
        )
    }

    private func write(_ report: DrillReport, to path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let json = try Console.json(report) + "\n"
            try json.write(toFile: path + "/report.json", atomically: true, encoding: .utf8)
            try report.html.write(toFile: path + "/report.html", atomically: true, encoding: .utf8)
        } catch {
            throw OobleckError(.storage, "cannot write the report to \(path): \(error)")
        }
        Console.show("report in \(path)/report.html")
    }
}
