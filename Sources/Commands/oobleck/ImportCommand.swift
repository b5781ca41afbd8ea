import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckReports
import OobleckSimulationCommands
import OobleckText

/// `oobleck import`.
struct ImportCommand: InterruptibleCommand {
    static let isRun = false
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Turn a PyTorch model into a folder that a job can train.",
        discussion: """
            The folder has one graph of operators for each kind of layer; a job names it as \
            model.import. Weights that the source has are where training starts; without them, \
            it starts from the job's seed by the rules of the model's own code.

            With --format json, one object: path (the folder), layers (how many), graphs, parameters, \
            and message.
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A folder that save_pretrained wrote (its config.json is enough), FILE.py:FUNCTION, "
                + "which returns a module and a dictionary of example tensors, or a name: "
                + "bert-large, gpt2, gpt2-medium, gpt3-2.7b, gpt3-6.7b, llama-7b."
        )
    )
    var source: String

    @Option(help: "The folder to write.")
    var to: String

    @Option(help: "Samples of one microbatch; a job of the model has no other.")
    var microbatch: Int?

    @Option(help: "Tokens of one sample.")
    var sequence: Int?

    @Option(help: "Modules that each become a layer, as PATH,PATH,...; by default the blocks.")
    var split: String?

    @Option(
        help: """
            What the model is trained on: causal-lm, masked-lm, sequence-classification, \
            image-classification or seq2seq; by default what its configuration says.
            """
    )
    var task: String?

    @Flag(help: "Take attention_mask from the data.")
    var attentionMask = false

    @Flag(help: "Leave the source's weights out, and start from the job's seed.")
    var weightsFromSeed = false

    @Flag(help: "Run Python code that the source's folder brings.")
    var trustRemoteCode = false

    @Option(help: "How to print.")
    var format = OutputFormat.text

    /// How long an import may take; one of 7 billion parameters takes about a minute.
    private static let deadline: Seconds = 3600

    func run() async throws {
        if format == .text { Console.note("importing \(source) ...") }
        let lines = try await PythonTask(arguments: arguments, deadline: Self.deadline).run()
        for line in lines where line.hasPrefix("note: ") {
            Console.complain(String(line.dropFirst("note: ".count)))
        }
        let path = URL(fileURLWithPath: to).standardizedFileURL.path
        let model = try ImportedFolder.open(path: path)
        try ImportedFolder(model).check()
        let report = ImportReport(model)
        try Console.result(
            format == .json ? Console.json(report) : report.text(width: Console.pageLimit)
        )
    }

    private var arguments: [String] {
        let valued = [
            ("--microbatch", microbatch.map(String.init)),
            ("--sequence", sequence.map(String.init)), ("--split", split), ("--task", task),
        ]
        let flags = [
            ("--attention-mask", attentionMask), ("--weights-from-seed", weightsFromSeed),
            ("--trust-remote-code", trustRemoteCode),
        ]
        return ["import", "--to", to]
            + valued.flatMap { name, value in value.map { ["\(name)=\($0)"] } ?? [] }
            + flags.filter(\.1).map(\.0) + ["--", source]
    }
}
