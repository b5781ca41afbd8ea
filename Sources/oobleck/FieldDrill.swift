import Foundation
import OobleckCore
import OobleckData
import OobleckFieldDrill
import OobleckRun

/// `oobleck drill` on real processes.
struct FieldDrill {
    let faults: String
    let seed: UInt64
    let repeats: Int
    let reportPath: String?

    /// Runs of its own on this machine.
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
        let report = try await hold { report, onRow in
            try await drill.run(into: report, onRow: onRow)
        }
        try conclude(report, "their runs are in \(folder)")
        try FileManager.default.removeItem(atPath: folder)
    }

    /// A run that the user started.
    func run(on path: String, through words: String?, expecting state: String?) async throws {
        let drill = LivingDrill(
            directory: try RunDirectory.open(path: path),
            faults: try livingFaults(),
            seed: seed,
            repeats: repeats,
            shell: try words.map { try NodeShell(parsing: $0) } ?? .local,
            executable: try Executables().command
        )
        let report = try await hold { report, onRow in
            var report = try await drill.run(into: report, onRow: onRow)
            guard let state else { return report }
            Console.show("waiting for the end of the run")
            let found = try await drill.endState(in: &report, expected: state)
            guard found == state else {
                let what = found.map { "with state \($0), not \(state)" } ?? "without a result"
                throw OobleckError(.internalFault, "the run ended \(what)")
            }
            Console.show("the run ended with the expected state")
            return report
        }
        try conclude(report, "see \(path)/events.jsonl")
    }

    private func livingFaults() throws -> [DrillFault] {
        let chosen = try DrillFault.parse(faults)
        let possible = chosen.filter(LivingDrill.possible.contains)
        let isWhole = faults == "all" || possible.count == chosen.count
        guard isWhole, !possible.isEmpty else {
            let names = LivingDrill.possible.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(
                .usage,
                "--faults is \(faults); what can be done to a run of yours is \(names)"
            )
        }
        return possible
    }

    /// Shows rows as they are done.
    private func hold(
        _ drill:
            @escaping @Sendable (DrillReport, (DrillRow) -> Void) async throws -> DrillReport
    ) async throws -> DrillReport {
        Console.show(DrillReport.heading)
        let work = Task { [report = newReport()] in
            try await drill(report) { row in
                for line in row.lines { Console.show(line) }
            }
        }
        // Interrupted, it takes its processes and namespaces with it.
        let signals = SignalHandlers { _ in work.cancel() }
        defer { signals.cancel() }
        return try await work.value
    }

    private func conclude(_ report: DrillReport, _ place: String) throws {
        Console.show(report.closing)
        if let reportPath { try write(report, to: reportPath) }
        guard report.count(.failed) > 0 else { return }
        throw OobleckError(
            .internalFault,
            "\(report.count(.failed)) of \(report.rows.count) rows failed; \(place)"
        )
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
            throw OobleckError(.storage, "cannot write the report to \(path): \(fileReason(error))")
        }
        Console.show("report in \(path)/report.html")
    }
}
