import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckTransport

/// What is to be trained and where, as somebody asked for it.
package struct RunRequest: Sendable {
    package var configPath: String
    /// Keys that take the place of the job's own; options of their own, such as `nodes`, come last.
    package var settings: [JobSetting] = []
    package var nodes: Int?
    package var steps: Int?
    package var seed: UInt64?
    /// What plans are compared by; as the job says if left out.
    package var costModel: CostModel?
    package var checkpoint = CheckpointChoice()
    package var faults: RunFaults?
    package var runDirectoryPath: String
    /// Address at which coordinator and workers listen.
    package var listenHost = "127.0.0.1"
    package var port = 0
    /// Certificates for control messages; `nil` is plain text.
    package var tls: ControlTLS?
    /// Where the run's state is kept; `nil` is its directory.
    package var coordination: EtcdLocation?
    /// A profile to use instead of measuring one.
    package var profilePath: String?
    /// A profile that was measured where the nodes are; `nil` is measured on this machine.
    package var measured: ModelProfile?
    /// Nodes to start on this machine; all if left out.
    package var startedNodes: Int?
    /// The run's token; a new one if left out.
    package var token: RunToken?

    /// A run of the job in `configPath`, as its file has it, recorded in `runDirectoryPath`.
    package init(configPath: String, runDirectoryPath: String) {
        self.configPath = configPath
        self.runDirectoryPath = runDirectoryPath
    }

    /// The job with all that was asked for, checked as far as that is possible without starting
    /// anything: it can be planned for once it is profiled.
    ///
    /// Without `keepsSummary`, nothing is written beside the corpus. Throws one line.
    package func job(keepsSummary: Bool = true) throws -> JobSpecification {
        var job = try JobFile.load(path: configPath, settings: settings)
        if let nodes { job.cluster.nodes = nodes }
        if let seed { job.training.seed = seed }
        if let costModel { job.cluster.costModel = costModel }
        if let steps {
            job.training.setSteps(steps)
        }
        if let faults {
            job.faults = faults.deaths
            job.stagedFaults = faults.staged
        }
        job.checkpoint = try checkpoint.applied(
            to: job.checkpoint,
            runDirectory: URL(fileURLWithPath: runDirectoryPath).standardizedFileURL.path
        )
        try JobFile.validate(job, options: changedKeys)
        let reading = ReadingDisplay()
        defer { reading.clear() }
        let look = reading.look(keepsSummary: keepsSummary)
        let data = try TrainingData.load(job, look: look)
        for note in data.notes { Console.complain(note) }
        _ = try data.sampleCount()
        let validation = try ValidationData.load(job, look: look)
        for note in validation?.data.notes ?? [] { Console.complain(note) }
        try Self.checkModel(of: job)
        return job
    }

    /// Reads what the model starts from, before any process is started that would.
    private static func checkModel(of job: JobSpecification) throws {
        switch job.model {
        case .gpt2(let model):
            guard let path = job.initialWeightsPath else { return }
            let weights = try WeightFolder(path: path)
            try weights.requireFinite(model)
            try weights.notes(for: model).forEach(Console.complain)
        case .imported(let model):
            try ImportedFolder(model).checkStructure()
        }
    }

    /// The options that change the job, by the path of the key that they change.
    private var changedKeys: [String: String] {
        let options: [(path: String, option: String, isGiven: Bool)] = [
            ("cluster.nodes", "--nodes", nodes != nil),
            ("training.steps", "--steps", steps != nil),
            ("checkpoint.every", "--checkpoint-every", checkpoint.rhythm != nil),
            ("checkpoint.keep", "--checkpoint-keep", checkpoint.keep != nil),
            ("checkpoint.wait", "--checkpoint-wait", checkpoint.wait != nil),
        ]
        return Dictionary(
            uniqueKeysWithValues: options.filter(\.isGiven).map { ($0.path, $0.option) }
        )
    }

    /// The job's file as it is, below a comment with the settings that changed it.
    func configText() throws -> String {
        settings.map { "# changed by \($0.text)\n" }.joined() + (try TextFile.read(configPath))
    }

    /// Makes the run's directory, and calls `body`; if that throws, the directory goes again.
    func withNewDirectory<Result>(
        _ job: JobSpecification,
        _ body: (RunDirectory) async throws -> Result
    ) async throws -> (RunDirectory, Result) {
        let wasThere = FileManager.default.fileExists(atPath: runDirectoryPath)
        let directory = try RunDirectory.create(
            path: runDirectoryPath,
            job: job,
            configText: try configText()
        )
        do {
            return (directory, try await body(directory))
        } catch {
            Self.clear(directory.path, keepsFolder: wasThere)
            throw error
        }
    }

    /// Takes away what a run that did not start has left; what that meets is no news.
    private static func clear(_ path: String, keepsFolder: Bool) {
        let manager = FileManager.default
        do {
            let leavings =
                keepsFolder
                ? try manager.contentsOfDirectory(atPath: path).map { "\(path)/\($0)" } : [path]
            for leaving in leavings { try manager.removeItem(atPath: leaving) }
        } catch {}
    }

    /// A name for a run that got none.
    package static func newRunPath(_ prefix: String) -> String {
        var time = time(nil)
        var parts = tm()
        localtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, text.count, "%Y%m%d-%H%M%S", &parts)
        let stamp = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        return "runs/\(prefix)-\(stamp)"
    }
}
