import Foundation
import OobleckCore

/// The programs that a run starts.
struct Executables {
    /// This program.
    let command: String
    /// The program that trains, beside this one.
    let worker: String

    /// Throws one line when the worker is not there.
    init() throws {
        do {
            command = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        } catch {
            throw OobleckError(.internalFault, "cannot find out where this program is: \(error)")
        }
        let folder = URL(fileURLWithPath: command).deletingLastPathComponent()
        worker = folder.appendingPathComponent("oobleck-worker").path
        guard FileManager.default.isExecutableFile(atPath: worker) else {
            throw OobleckError(
                .internalFault,
                "\(worker) is missing; build it with `make build`, which sets up libtorch"
            )
        }
    }
}
