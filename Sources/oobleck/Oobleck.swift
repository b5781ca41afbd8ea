import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore

/// Training on several nodes that goes on when nodes fail, with the very same result.
@main
struct Oobleck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oobleck",
        abstract: "Train a model on nodes that fail, and end with the very same parameters.",
        version: version,
        subcommands: [
            DemoCommand.self, TrainCommand.self, ProfileCommand.self, PlanCommand.self,
            ReplanCommand.self, SimulateCommand.self, FiguresCommand.self, DrillCommand.self,
            VerifyCommand.self, StatusCommand.self, EventsCommand.self, ExplainCommand.self,
            DrainCommand.self,
            AddCommand.self, ExportCommand.self, AgentCommand.self,
        ]
    )

    static func main() async {
        Console.start()
        ProcessSignals.ignoreSaves()
        do {
            var command = try parseAsRoot()
            if let interruptible = command as? any InterruptibleCommand {
                try await interruptible.runInterruptibly()
            } else if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Console.exit(0)
        } catch {
            Console.exit(status(of: error))
        }
    }

    /// Says what went wrong, and returns the exit status it leads to.
    private static func status(of error: any Error) -> Int32 {
        switch error {
        case let error as OobleckError:
            Console.complain(error.message)
            return error.code.exitStatus
        case let error as Interruption:
            Console.complain(error.description)
            return error.exitStatus
        case _ where exitCode(for: error).isSuccess:
            // Help and version are errors too, and print as they are.
            do {
                try Console.result(fullMessage(for: error))
                return 0
            } catch {
                return status(of: error)
            }
        default:
            let message = message(for: error)
            if !message.isEmpty { Console.complain(message) }
            return exitCode(for: error).rawValue
        }
    }
}
