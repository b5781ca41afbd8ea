import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckSimulationCommands

/// The commands that need no control plane, and what times them; built in a minute.
@main
struct Oobleck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oobleck",
        version: programVersion,
        subcommands: [SimulateCommand.self, FiguresCommand.self, TimesCommand.self]
    )

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as OobleckError {
            Console.complain(error.message)
            Foundation.exit(error.code.exitStatus)
        } catch {
            exit(withError: error)
        }
    }
}
