import ArgumentParser
import Foundation
import OobleckCore
import OobleckData
import OobleckTensor

/// The half of `oobleck doctor` that needs libtorch.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tell what a process that computes finds on this machine."
    )

    @Option(help: "Where to compute: cpu or cuda.") var device = DeviceKind.cpu
    @Option(help: "Where to write what was found, JSON.") var output: String

    func run() throws {
        try ParentWatch.exitWithParent()
        try TensorRuntime.initialize()
        try TensorRuntime.use(device)
        try AtomicFile.write(Array(try JSONEncoder().encode(DeviceFacts.inspect())), to: output)
    }
}
