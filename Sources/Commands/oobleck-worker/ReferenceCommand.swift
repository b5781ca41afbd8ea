import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckData
import OobleckEngine
import OobleckReconfiguration
import OobleckRecording
import OobleckRunFiles
import OobleckTensor
import OobleckTransport

/// Runs a job undisturbed in this one process: one pipeline of one stage, with the same decisions
/// and the same arithmetic as a run of many nodes.
struct ReferenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference",
        abstract: "Run a job in one process, for comparison."
    )

    @Argument(help: "The resolved job, JSON.") var job: String
    @Option(help: "The run's directory, prepared by oobleck.") var runDir: String

    func run() async throws {
        try ParentWatch.exitWithParent()
        try TensorRuntime.initialize()
        let data = try InputFile.data(job)
        let job = try JSONDecoder().decode(JobSpecification.self, from: data)
        try TensorRuntime.use(job.cluster.device ?? .cpu)
        let directory = try RunDirectory.open(path: runDir)
        let profile = try Profiler(job: job, repetitions: 1).run()
        try directory.write(profile)
        let server = CoordinatorServer(
            coordinator: Coordinator(
                job: job,
                profile: profile,
                reconfigurator: try Reconfigurator(
                    profile: profile,
                    costModel: job.cluster.planningCostModel,
                    faultTolerance: 0,
                    microbatches: job.training.microbatchCount
                )
            ),
            recording: try RunFileRecording(directory, job: job),
            socket: nil,
            token: ""
        )
        let session = LocalWorkerSession(server: server)
        let worker = Worker(0, host: "127.0.0.1", link: session)
        try worker.startTrainingThread()
        defer { worker.close() }
        await ProcessSignals.shared.start()
        try await ProcessSignals.shared.handling { request in
            switch request {
            case .stop: server.submit(.stopRequested(reason: "interrupted"))
            case .stopNow: Console.exit(OobleckError.Code.outOfNodes.exitStatus, waits: false)
            case .save: server.submit(.saveRequested)
            }
        } during: {
            async let outcome = server.run()
            try await session.run { worker.receive($0) }
            switch try await outcome {
            case .completed: break
            case .stopped(let error), .abandoned(let error): throw error
            }
        }
    }
}
