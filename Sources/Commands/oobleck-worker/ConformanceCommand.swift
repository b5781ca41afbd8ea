import ArgumentParser
import OobleckConformance
import OobleckConsole
import OobleckCore
import OobleckTensor

/// Shows whether a device computes what it has to.
struct ConformanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Check that a device computes what every device has to.",
        discussion: "Prints one line for each check; the exit status is 70 when one fails."
    )

    @Option(help: "Where to compute: cpu or cuda.") var device = DeviceKind.cpu

    func run() throws {
        try TensorRuntime.initialize()
        try TensorRuntime.use(device)
        let name = TensorRuntime.deviceName ?? "CPU"
        try Console.result("device: \(name); libtorch \(TensorRuntime.version)")
        var failures = 0
        for check in DeviceConformance(device).checks {
            do {
                try check.run()
                try Console.result("ok      \(check.name)")
            } catch {
                failures += 1
                try Console.result("FAILED  \(check.name): \(lineForPeople("\(error)"))")
            }
        }
        guard failures == 0 else {
            throw OobleckError(.internalFault, "\(counted(failures, "check")) failed on \(name)")
        }
    }
}
