import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands
import OobleckTransport

/// `oobleck profile`.
struct ProfileCommand: InterruptibleCommand {
    static let isRun = false
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Measure a model layer by layer on this machine.",
        discussion: """
            With --format json, one object: path (of the profile), layers (how many), \
            microbatch_seconds (forward and backward of one microbatch) and message.
            """
    )

    @Argument(help: "The job, as Examples/tiny.yaml explains.")
    var config: String

    @Option(help: "Where to write the profile.")
    var output: String

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() async throws {
        var request = RunRequest(configPath: config, runDirectoryPath: "")
        request.nodes = nil
        let job = try request.job()
        let path = URL(fileURLWithPath: output).path
        let profile = try await MeasuredProfile.measure(job, try Executables(), to: path)
        let total = profile.layers.reduce(Seconds.zero) { $0 + $1.forward + $1.backward }
        let report = CommandReport(
            message: "\(counted(profile.layers.count, "layer")), \(total.duration) a microbatch; "
                + "written to \(path)",
            path: path,
            layers: profile.layers.count,
            microbatchSeconds: total.value
        )
        try Console.result(report.text(format))
    }
}
