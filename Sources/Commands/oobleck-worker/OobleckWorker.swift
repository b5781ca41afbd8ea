import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckTransport

/// The part of Oobleck that computes with tensors: started by agents and by `oobleck`.
@main
struct OobleckWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oobleck-worker",
        abstract: "Trains on one device. Started by agents and by oobleck; rarely by people.",
        subcommands: [
            WorkerCommand.self, ProfileCommand.self, ReferenceCommand.self, BenchCommand.self,
            ConformanceCommand.self, DoctorCommand.self, SampleCommand.self,
        ]
    )

    static func main() async {
        Console.start(program: "oobleck-worker")
        ProcessSignals.ignoreSaves()
        ControlThreads.keepFew()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Console.exit(0)
        } catch let error as OobleckError {
            Console.complain(error.message)
            Console.exit(error.code.exitStatus)
        } catch {
            if let error = fileError(error) {
                Console.complain(error.message)
                Console.exit(error.code.exitStatus)
            }
            let text = fullMessage(for: error)
            let status = exitCode(for: error)
            let stream = status.isSuccess ? StandardStream.output : .errors
            let failure = stream.write(text + "\n")
            let isLost = status.isSuccess && failure != nil
            Console.exit(isLost ? OobleckError.Code.storage.exitStatus : status.rawValue)
        }
    }
}
