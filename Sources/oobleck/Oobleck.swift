import ArgumentParser
import Foundation
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
        // Whoever reads our output may leave early; that shows as a failed write, not as a signal.
        signal(SIGPIPE, SIG_IGN)
        // A file beyond the size limit is a failed write, too.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as OobleckError {
            Console.complain(error.message)
            Foundation.exit(error.code.exitStatus)
        } catch is CancellationError {
            Console.complain("interrupted")
            Foundation.exit(OobleckError.Code.outOfNodes.exitStatus)
        } catch {
            // Help and version are errors too, and print as they are.
            guard !exitCode(for: error).isSuccess else { exit(withError: error) }
            Console.complain(message(for: error))
            Foundation.exit(exitCode(for: error).rawValue)
        }
    }
}
