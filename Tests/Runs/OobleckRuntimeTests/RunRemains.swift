import Foundation
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckStoreSQLite
import OobleckTestSupport
import Testing

/// The directory of a run whose coordinator has ended, with the real files that it would leave.
struct RunRemains {
    let folder: TemporaryFolder
    let path: String

    static let job = JobSpecification(
        model: ModelSpecification(
            name: "small",
            blocks: 4,
            hidden: 4,
            heads: 2,
            vocabulary: 5,
            sequenceLength: 3,
            dropout: 0
        ),
        training: TrainingSpecification(
            steps: 9,
            seed: 1,
            globalBatch: 8,
            microbatch: 1,
            learningRate: 1e-3,
            minimumLearningRate: 1e-4,
            warmupSteps: 1,
            weightDecay: 0.1,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            gradientClip: 1
        ),
        cluster: ClusterSpecification(
            nodes: 4,
            faultTolerance: 1,
            deviceMemory: nil,
            detectionBudget: 2
        ),
        corpusPath: "/corpus.txt"
    )

    /// Layers that each take 1 ms forward and 2 ms backward.
    static let profile = ModelProfile(
        model: "small",
        microbatchSize: 1,
        deviceMemory: nil,
        layers: (0..<job.model.layerCount).map {
            LayerProfile(name: "layer \($0)", forward: 0.001, backward: 0.002, parameterBytes: 100)
        }
    )

    /// A run that has a job, a profile and an empty store.
    init(job: JobSpecification = RunRemains.job) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/run"
        let directory = try RunDirectory.create(path: path, job: job, configText: "a: b\n")
        try directory.write(Self.profile)
        try keep([.tookOver(term: 1)])
    }

    var directory: RunDirectory { get throws { try RunDirectory.open(path: path) } }

    /// Adds changes to the store.
    func keep(_ changes: [DurableChange]) throws {
        let store = try SQLiteStore(path: path + "/coordinator.sqlite")
        for change in changes { try store.persist(change) }
        try store.close()
    }

    /// What the store has.
    func kept() throws -> DurableState? {
        let store = try SQLiteStore(path: path + "/coordinator.sqlite")
        defer { #expect(throws: Never.self) { try store.close() } }
        return try store.load()
    }

    /// Adds entries to the ledger.
    func record(_ entries: [HistoryEntry]) throws {
        let recorder = try RunRecorder(try directory)
        for entry in entries { try recorder.append(entry) }
        try recorder.synchronize()
    }

    /// Has the run be finished after so many steps.
    func finish(steps: Int) throws {
        try directory.write(
            RunResult(
                steps: steps,
                finalLoss: 1,
                stateSHA256: "s",
                failures: 0,
                reconfigurations: 0,
                samplesCommitted: 8 * steps,
                samplesRepeated: 0,
                recoveries: []
            )
        )
    }

    static func step(_ number: Int, _ generation: Int = 0) -> CommittedStep {
        CommittedStep(
            step: number,
            generation: Generation(generation),
            firstSample: 8 * number,
            endSample: 8 * number + 8,
            loss: Double(number),
            gradientNorm: 1
        )
    }

    static func status(_ nodes: [NodeStatus] = [], updated: Double? = nil) -> RunStatus {
        var status = RunStatus(
            phase: .training,
            step: 3,
            steps: 9,
            generation: 0,
            loss: 1,
            stepTime: 1,
            tokensPerSecond: 1,
            idleShare: 0,
            pipelines: 2,
            nodes: nodes
        )
        status.updated = updated
        return status
    }
}
