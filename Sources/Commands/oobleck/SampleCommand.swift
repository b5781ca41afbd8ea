import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRuntime
import OobleckSimulationCommands

/// `oobleck sample`.
struct SampleCommand: InterruptibleCommand {
    static let isRun = false
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Continue a text with what a run has learned.",
        discussion: """
            Reads the run's newest checkpoint. The same seed gives the same text. With --format json, one \
            object: message (prompt and continuation) and tokens (the ids of the continuation).
            """
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Option(help: "The beginning.")
    var prompt = ""

    @Option(help: "Tokens to add.")
    var tokens = 100

    @Option(help: "Decides the draws.")
    var seed: UInt64 = 0

    @Option(help: "Above 1 for more surprise, below for less; 0 takes the likeliest token.")
    var temperature = 0.8

    @Option(help: "Draw among this number of likeliest tokens.")
    var topK: Int?

    @Option(
        help: """
            Folder of the tokenizer; by default the imported model's, or none where tokens are bytes.
            """
    )
    var tokenizer: String?

    @Option(help: "How to print.")
    var format = OutputFormat.text

    /// How long it may take.
    private static let deadline: Seconds = 3600

    func validate() throws {
        guard (1...1_000_000).contains(tokens), temperature >= 0, topK ?? 1 > 0 else {
            throw ValidationError(
                "--tokens and --top-k must be at least 1, and --temperature at least 0."
            )
        }
    }

    func run() async throws {
        let job = try RunDirectory.open(path: runDirectory).job()
        let codec = try codec(of: job)
        let ids = try await codec.encode(prompt)
        let found = try await continuation(of: ids, job)
        let text = prompt + (try await codec.decode(found))
        try Console.result(
            format == .json ? Console.json(Report(message: text, tokens: found)) : text
        )
    }

    private struct Report: Encodable {
        var message: String
        var tokens: [Int]
    }

    private func codec(of job: JobSpecification) throws -> TextCodec {
        let own = job.model.imported.map(\.path)
        let hasOwn = own.map { FileManager.default.fileExists(atPath: $0 + "/tokenizer.json") }
        if let folder = tokenizer ?? (hasOwn == true ? own : nil) { return .tokenizer(folder) }
        guard let vocabulary = job.model.vocabulary, Corpus.textVocabularies.contains(vocabulary)
        else {
            throw OobleckError(
                .usage,
                "the model's tokens are no bytes; name the folder of its tokenizer with --tokenizer"
            )
        }
        return .bytes
    }

    private func options(_ ids: [Int]) -> [String] {
        let prompt = ids.map(String.init).joined(separator: ",")
        return (ids.isEmpty ? [] : ["--prompt=\(prompt)"])
            + ["--tokens=\(tokens)", "--seed=\(seed)", "--temperature=\(temperature)"]
            + (topK.map { ["--top-k=\($0)"] } ?? [])
    }

    private func continuation(of ids: [Int], _ job: JobSpecification) async throws -> [Int] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "oobleck-sample-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = folder.appendingPathComponent("log").path
        let task = WorkerTask(
            executables: try Executables(),
            arguments: ["sample", runDirectory] + options(ids),
            logPath: log,
            deadline: Self.deadline,
            level: job.cluster.cpuLevel,
            keepsLog: false
        )
        try await task.run()
        return String(decoding: try InputFile.bytes(log), as: UTF8.self)
            .split(whereSeparator: \.isNewline).compactMap { Int($0) }
    }
}

/// Turns text into token ids and back.
enum TextCodec {
    case bytes
    /// The tokenizer of a folder, by the Python package.
    case tokenizer(String)

    private static let deadline: Seconds = 300

    func encode(_ text: String) async throws -> [Int] {
        switch self {
        case .bytes: return text.utf8.map(Int.init)
        case .tokenizer(let folder):
            let task = PythonTask(
                arguments: ["encode", "--tokenizer", folder, "--", text],
                deadline: Self.deadline
            )
            return try await task.run().last?.split(separator: " ").compactMap { Int($0) } ?? []
        }
    }

    func decode(_ ids: [Int]) async throws -> String {
        switch self {
        case .bytes:
            // Ids past the bytes stand for nothing that can be read.
            return String(decoding: ids.compactMap { UInt8(exactly: $0) }, as: UTF8.self)
        case .tokenizer(let folder):
            let task = PythonTask(
                arguments: ["decode", "--tokenizer", folder, "--"] + ids.map(String.init),
                deadline: Self.deadline
            )
            return try await task.run().joined(separator: "\n")
        }
    }
}
