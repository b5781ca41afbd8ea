import ArgumentParser
import Foundation
import OobleckConsole
import OobleckControl
import OobleckCore
import OobleckData
import OobleckRun

/// `oobleck profile`.
struct ProfileCommand: InterruptibleCommand {
    static let isRun = false
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Measure a model layer by layer on this machine."
    )

    @Argument(help: "The job, as Examples/tiny.yaml explains.")
    var config: String

    @Option(help: "Where to write the profile.")
    var output: String

    func run() async throws {
        var request = RunRequest(configPath: config, runDirectoryPath: "")
        request.nodes = nil
        let job = try request.job()
        let executables = try Executables()
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appendingPathComponent(
            "oobleck-profile-\(getpid())"
        )
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { remove(folder) }
        let jobPath = folder.appendingPathComponent("job.json").path
        try Data(Console.json(job).utf8).write(to: URL(fileURLWithPath: jobPath))
        let path = URL(fileURLWithPath: output).path
        let task = WorkerTask(
            executables: executables,
            arguments: ["profile", jobPath, "--output", path],
            logPath: folder.appendingPathComponent("profile.log").path,
            deadline: 600
        )
        try await task.run()
        let profile = try ModelProfile.load(path: path)
        let times = profile.layers.map { ($0.forward + $0.backward).value }
        let total = Console.decimal(times.reduce(0, +) * 1000, 1)
        try Console.result(
            "\(counted(profile.layers.count, "layer")), \(total) ms a microbatch; written to \(path)"
        )
    }

    private func remove(_ folder: URL) {
        do {
            try FileManager.default.removeItem(at: folder)
        } catch {
            Console.complain("cannot remove \(folder.path): \(error.localizedDescription)")
        }
    }
}
