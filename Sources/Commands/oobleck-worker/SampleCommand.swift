import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckEngine
import OobleckRunFiles
import OobleckTensor

/// Continues a text with a run's newest checkpoint.
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Token ids that follow others, one a line."
    )

    @Argument(help: "The run's directory.") var runDirectory: String
    @Option(help: "Ids of the beginning, with commas.") var prompt = ""
    @Option var tokens: Int
    @Option var seed: UInt64
    @Option var temperature: Double
    @Option var topK: Int?

    func run() throws {
        try ParentWatch.exitWithParent()
        try TensorRuntime.initialize()
        let directory = try RunDirectory.open(path: runDirectory)
        guard let folder = try Checkpoint.folders(in: directory).last else {
            throw OobleckError(
                .inputData,
                "\(runDirectory) has no checkpoint; a run writes one when it finishes"
            )
        }
        let continuation = try TextContinuation(
            job: try directory.job(),
            folder: folder,
            layerSHA256: try Checkpoint(path: folder).manifest.layers.map(\.sha256)
        )
        let found = try continuation.tokens(
            after: prompt.split(separator: ",").compactMap { Int($0) },
            count: tokens,
            TextContinuation.Draw(seed: seed, temperature: temperature, most: topK)
        )
        try Console.result(found.map(String.init).joined(separator: "\n"))
    }
}
