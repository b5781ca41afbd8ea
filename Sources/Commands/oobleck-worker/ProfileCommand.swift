import ArgumentParser
import Foundation
import OobleckCore
import OobleckData
import OobleckEngine
import OobleckTensor

/// Measures a job's model on this machine.
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Measure what each layer of a job's model costs here."
    )

    @Argument(help: "The resolved job, JSON.") var job: String
    @Option(help: "Where to write the profile.") var output: String

    func run() throws {
        try ParentWatch.exitWithParent()
        try TensorRuntime.initialize()
        let data = try InputFile.data(job)
        let job = try JSONDecoder().decode(JobSpecification.self, from: data)
        try TensorRuntime.use(job.cluster.device ?? .cpu)
        let profile = try Profiler(job: job).run()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(Array(try encoder.encode(profile)), to: output)
    }
}
