import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckSimulationCommands
import OobleckText

/// Training on several nodes that goes on when nodes fail, with the very same result.
@main
struct Oobleck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oobleck",
        abstract: "Train a model on nodes that fail, and end with the very same parameters.",
        version: version,
        subcommands: [
            DemoCommand.self, DoctorCommand.self, TrainCommand.self, ProfileCommand.self,
            PlanCommand.self,
            ReplanCommand.self, SimulateCommand.self, FiguresCommand.self, EvaluateCommand.self,
            DrillCommand.self,
            VerifyCommand.self, StatusCommand.self, EventsCommand.self, ExplainCommand.self,
            DrainCommand.self, ReportCommand.self, RunsCommand.self, DashboardCommand.self,
            TraceCommand.self,
            ImportCommand.self, TokenizeCommand.self, ColumnsCommand.self,
            AddCommand.self, ExportCommand.self, SampleCommand.self, AgentCommand.self,
            SlurmCommand.self, KubernetesCommand.self,
            LaunchCommand.self, LogsCommand.self, RemoteCommand.self,
        ]
    )

    static func main() async {
        Console.start()
        ProcessSignals.ignoreSaves()
        let arguments = CommandLineText.joiningNegativeNumbers(
            Array(CommandLine.arguments.dropFirst())
        )
        if isJSON(arguments) { Console.displayApart() }
        do {
            try requireKnownCommand(arguments)
            var command = try parseAsRoot(arguments)
            if let interruptible = command as? any InterruptibleCommand {
                try await interruptible.runInterruptibly()
            } else if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Console.exit(0)
        } catch {
            Console.exit(status(of: error, arguments))
        }
    }

    /// Says what went wrong, and returns the exit status it leads to.
    private static func status(of error: any Error, _ arguments: [String]) -> Int32 {
        switch error {
        case let error as OobleckError:
            Console.complain(error.message, details: isJSON(arguments) ? [] : error.details)
            return error.code.exitStatus
        case let error as Interruption:
            Console.complain(error.description)
            return error.exitStatus
        case _ where fileError(error) != nil:
            return status(of: fileError(error) ?? error, arguments)
        case _ where exitCode(for: error).isSuccess:
            // Help and version are errors too, and print as they are.
            do {
                try Console.result(fullMessage(for: error))
                return 0
            } catch {
                return status(of: error, arguments)
            }
        default:
            let message = message(for: error)
            let program = ([configuration.commandName ?? "oobleck"] + commandPath(arguments))
                .joined(separator: " ")
            if !message.isEmpty {
                Console.complain(CommandLineText.improved(message, command: program))
            }
            return exitCode(for: error).rawValue
        }
    }

    /// Throws `.usage` with a suggestion where the first words are no command.
    private static func requireKnownCommand(_ arguments: [String]) throws {
        var arguments = arguments[...]
        var program = "oobleck"
        var subcommands = configuration.subcommands
        if arguments.first == "help" { arguments.removeFirst() }
        while !subcommands.isEmpty, let word = arguments.popFirst() {
            let known = subcommands.compactMap { $0.configuration.commandName }
            let complaint = CommandLineText.unknownCommand(
                word,
                program: program,
                among: known + (program == "oobleck" ? ["help"] : [])
            )
            if let complaint { throw OobleckError(.usage, complaint) }
            guard let next = subcommands.first(where: { $0.configuration.commandName == word })
            else { return }
            // What follows may be an argument of the command that stands for no word.
            guard next.configuration.defaultSubcommand == nil else { return }
            program += " \(word)"
            subcommands = next.configuration.subcommands
        }
    }

    /// The commands among the first words: `explain deadlines`.
    private static func commandPath(_ arguments: [String]) -> [String] {
        var path: [String] = []
        var subcommands = configuration.subcommands
        for word in arguments {
            guard let next = subcommands.first(where: { $0.configuration.commandName == word })
            else { break }
            path.append(word)
            subcommands = next.configuration.subcommands
        }
        return path
    }

    /// Whether JSON was asked for: then errors are one line each, for programs, and progress is no output.
    static func isJSON(_ arguments: [String]) -> Bool {
        zip(arguments, arguments.dropFirst()).contains { $0 == "--format" && $1 == "json" }
            || arguments.contains("--format=json")
    }
}
