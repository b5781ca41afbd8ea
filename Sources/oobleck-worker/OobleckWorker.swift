import ArgumentParser
import Foundation
import OobleckCore
import OobleckData

/// The part of Oobleck that computes with tensors: started by agents and by `oobleck`.
@main
struct OobleckWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oobleck-worker",
        abstract: "Trains on one device. Started by agents and by oobleck; rarely by people.",
        subcommands: [
            WorkerCommand.self, ProfileCommand.self, ReferenceCommand.self, BenchCommand.self,
        ]
    )

    static func main() async {
        // A file beyond the size limit is a failed write, not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as OobleckError {
            Self.end(error)
        } catch {
            if let error = fileError(error) { Self.end(error) }
            exit(withError: error)
        }
    }

    /// Says what was wrong; where that cannot be written, the status says it alone.
    private static func end(_ error: OobleckError) -> Never {
        let line = Array("oobleck-worker: \(error.message)\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        Foundation.exit(error.code.exitStatus)
    }
}
