import Foundation
import OobleckCore

/// The programs that a run starts.
package struct Executables: Sendable {
    /// This program.
    package let command: String
    /// The program that trains, beside this one.
    package let worker: String

    init(command: String, worker: String) {
        self.command = command
        self.worker = worker
    }

    /// Throws one line when the worker is not there.
    package init() throws {
        command = try Self.thisProgram()
        let folder = URL(fileURLWithPath: command).deletingLastPathComponent()
        worker = folder.appendingPathComponent("oobleck-worker").path
        guard FileManager.default.isExecutableFile(atPath: worker) else {
            throw OobleckError(
                .internalFault,
                "\(worker) is missing; build it with `make build`, which sets up libtorch, or "
                    + "install the package again"
            )
        }
    }

    /// The file of this program.
    ///
    /// Throws one line.
    package static func thisProgram() throws -> String {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        } catch {
            throw OobleckError(.internalFault, "cannot find out where this program is: \(error)")
        }
    }
}
