import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckDrills
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands

/// `oobleck drill` on real processes.
struct ProcessDrill {
    let faults: String
    let seed: UInt64
    let repeats: Int
    let reportPath: String?
    let format: OutputFormat

    /// Runs of its own on this machine.
    func run() async throws {
        let rows = try DrillFault.parse(faults)
        let executables = try Executables()
        // As its processes name it: without a second slash.
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("drill-\(UUID().uuidString)").path
        let laboratory = try DrillLaboratory(
            folder: folder,
            executable: executables.command,
            workerExecutable: executables.worker
        )
        let drill = MatrixDrill(laboratory: laboratory, faults: rows, seed: seed, repeats: repeats)
        let display = DrillDisplay()
        let report = try await hold(folder) { report in
            try await drill.run(into: report, onProgress: display.show, onRow: display.show)
        }
        if report.count(.failed) == 0 { try FileManager.default.removeItem(atPath: folder) }
        try conclude(report, "their runs are in \(folder)")
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
        let display = DrillDisplay()
        let report = try await hold(nil) { report in
            var report = try await drill.run(into: report, onRow: display.show)
            guard let state, !report.isInterrupted else { return report }
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

    /// Holds a drill, which the first signal has end early, with its processes and namespaces; the
    /// second one ends all that runs in `folder`, and us, at once.
    private func hold(
        _ folder: String?,
        _ drill: @escaping @Sendable (DrillReport) async throws -> DrillReport
    ) async throws -> DrillReport {
        Console.show(DrillReport.heading)
        let work = Task { [report = newReport()] in try await drill(report) }
        return try await ProcessSignals.shared.handling { request in
            switch request {
            case .stop:
                Console.show("ending the run at work; a second Ctrl-C ends at once")
                work.cancel()
            case .stopNow:
                if let folder { DrillLaboratory.end(all: folder) }
                Interruption.endAtOnce(isRun: false)
            case .save: break
            }
        } during: {
            try await work.value
        }
    }

    private func conclude(_ report: DrillReport, _ place: String) throws {
        if let reportPath { try write(report, to: reportPath) }
        try Console.report(format == .json ? Console.json(report) : report.closing)
        guard report.count(.failed) > 0 else {
            if report.isInterrupted { throw Interruption(isRun: false) }
            return
        }
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
