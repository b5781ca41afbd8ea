import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRuntime
import OobleckSimulationCommands
import OobleckText
import OobleckTransport

/// `oobleck doctor`.
struct DoctorCommand: InterruptibleCommand {
    static let isRun = false
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tell what this machine has, what is used, and what is missing.",
        discussion: """
            The exit status is 69 when training cannot start here. With --format json, one object: \
            findings, each with name, verdict (ok, note, missing) and text, and can_train.
            """
    )

    @Option(help: "Where nodes are to compute: cpu or cuda.")
    var device = DeviceKind.cpu

    @Option(help: "How to print.") var format = OutputFormat.text

    /// How long the process that computes may take: a GPU's first use compiles kernels.
    private static let deadline: Seconds = 120

    func run() async throws {
        let report = DoctorReport(
            device: device,
            facts: await facts(),
            system: try MachineInspection.system()
        )
        try Console.result(
            format == .json
                ? Console.json(report)
                : report.lines(limit: Console.lineLimit).joined(separator: "\n")
        )
        guard report.canTrain else {
            throw OobleckError(.noPlan, "this machine cannot train")
        }
    }

    private func facts() async -> Result<DeviceFacts, OobleckError> {
        let name = "oobleck-doctor-\(UUID().uuidString)"
        let folder = FileManager.default.temporaryDirectory.path + "/" + name
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let path = folder + "/facts.json"
            let task = WorkerTask(
                executables: try Executables(),
                arguments: ["doctor", "--device", device.rawValue, "--output", path],
                logPath: folder + "/doctor.log",
                deadline: Self.deadline,
                keepsLog: false
            )
            try await task.run()
            return .success(
                try JSONDecoder().decode(DeviceFacts.self, from: InputFile.data(path))
            )
        } catch let error as OobleckError {
            return .failure(error)
        } catch {
            return .failure(OobleckError(.internalFault, oneLine(error)))
        }
    }
}

extension DeviceKind: ExpressibleByArgument {}
