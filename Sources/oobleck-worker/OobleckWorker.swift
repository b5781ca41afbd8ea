import ArgumentParser
import Foundation
import OobleckCore

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
            FileHandle.standardError.write(Data("oobleck-worker: \(error.message)\n".utf8))
            Foundation.exit(error.code.exitStatus)
        } catch {
            exit(withError: error)
        }
    }
}
