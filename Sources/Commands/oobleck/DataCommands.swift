import ArgumentParser
import OobleckConsole
import OobleckCore

/// A command of the Python package, whose arguments and help are the package's own.
protocol PythonCommand: InterruptibleCommand {
    /// What stands behind the command's name.
    var arguments: [String] { get }
}

extension PythonCommand {
    static var isRun: Bool { false }

    /// How long preparing data may take.
    private static var deadline: Seconds { 7 * 24 * 3600 }

    func run() async throws {
        let name = Self.configuration.commandName ?? ""
        let task = PythonTask(arguments: [name] + arguments, deadline: Self.deadline)
        var lines = try await task.run()
        // One line of JSON is the last of what it says.
        if Oobleck.isJSON(arguments) { lines = lines.suffix(1) }
        try Console.result(lines.joined(separator: "\n"))
    }
}

/// `oobleck tokenize`.
struct TokenizeCommand: PythonCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Turn text, JSON lines and Parquet into a file of token ids (data.corpus)."
    )

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []
}

/// `oobleck columns`.
struct ColumnsCommand: PythonCommand {
    static let configuration = CommandConfiguration(
        commandName: "columns",
        abstract: "Turn JSON lines into samples for fine-tuning (data.columns)."
    )

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []
}
