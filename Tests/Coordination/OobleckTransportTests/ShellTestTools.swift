import Foundation
import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckTransport
import OobleckWorlds
import Synchronization
import Testing

/// Keeps in memory what a run records, and lets tests wait for it.
final class MemoryRecording: RunRecording {
    struct Records {
        var steps: [CommittedStep] = []
        var events: [RunEvent] = []
        var plans: [PlanDocument] = []
        var chunks: [LayerChunk] = []
        var outcome: RunOutcome?
        var restored: [RestoredRun] = []
        var actions: [CheckpointAction] = []
        var arithmetic: [RecordedArithmetic] = []
        var evaluations: [RecordedEvaluation] = []
    }

    private let records = Mutex(Records())
    private let isHealed = Mutex(false)
    /// The step whose recording fails until ``heal()``.
    let failingStep: Int?
    /// Whether the end cannot be kept until ``heal()``.
    let failsAtEnd: Bool

    init(failingStep: Int? = nil, failsAtEnd: Bool = false) {
        self.failingStep = failingStep
        self.failsAtEnd = failsAtEnd
    }

    func heal() { isHealed.withLock { $0 = true } }

    private func requireSpace() throws {
        guard !isHealed.withLock({ $0 }) else { return }
        throw OobleckError(.storage, "cannot write /run: No space left on device")
    }

    var all: Records { records.withLock { $0 } }

    func record(_ step: CommittedStep) throws {
        if step.step == failingStep { try requireSpace() }
        records.withLock { $0.steps.append(step) }
    }

    func log(_ event: TimedEvent) { records.withLock { $0.events.append(event.event) } }
    func publish(_ plan: PlanDocument) { records.withLock { $0.plans.append(plan) } }
    func measured(_ step: StepMeasurement) {}

    func recovered(_ recovery: RecoveryRecord) {}
    func store(_ chunk: LayerChunk) { records.withLock { $0.chunks.append(chunk) } }
    func show(_ status: RunStatus) {}
    func record(_ recorded: RecordedArithmetic) {
        records.withLock { $0.arithmetic.append(recorded) }
    }
    func record(_ recorded: RecordedEvaluation) {
        records.withLock { $0.evaluations.append(recorded) }
    }
    func makeRoom(after failure: OobleckError) {}
    func record(_ restored: RestoredRun) { records.withLock { $0.restored.append(restored) } }

    func perform(
        _ action: CheckpointAction,
        report: @escaping @Sendable (CheckpointOutcome) -> Void
    ) {
        records.withLock { $0.actions.append(action) }
        if case .publish(let save) = action {
            report(.published(generation: save.generation, step: save.step))
        }
    }

    func finish(_ outcome: RunOutcome, result: (_ stateSHA256: String) -> RunResult) throws {
        if failsAtEnd { try requireSpace() }
        records.withLock { $0.outcome = outcome }
    }

    func lost(_ node: NodeID) -> RunEvent? {
        all.events.first { $0.kind == .nodeLost && $0.node == node }
    }
}

/// A coordinator that serves on loopback during a test, with a detection budget so long that what
/// is noticed is not noticed by silence.
struct ShellBench {
    static let token: RunToken = "5ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7"

    let recording: MemoryRecording
    let server: CoordinatorServer
    let address: CoordinatorAddress

    /// Runs `body` against a served coordinator, and takes it down afterwards.
    static func with(
        nodes: Int,
        steps: Int = 3,
        detectionBudget: Seconds = 60,
        coordinatorWait: Seconds? = nil,
        recording: MemoryRecording = MemoryRecording(),
        tls: ControlTLS? = nil,
        bounds: ControlBounds = ControlBounds(),
        onFence: @escaping @Sendable (NodeID) -> Void = { _ in },
        _ body: (ShellBench) async throws -> Void
    ) async throws {
        var job = ToyModel().job(nodes: nodes, steps: steps)
        job.cluster.detectionBudget = detectionBudget
        job.cluster.coordinatorWait = coordinatorWait
        let socket = try ListeningSocket(host: "127.0.0.1", port: 0)
        let coordinator = Coordinator(
            job: job,
            profile: ToyModel.profile,
            reconfigurator: try Reconfigurator(
                profile: ToyModel.profile,
                costModel: .sosp23,
                faultTolerance: 1,
                microbatches: ToyModel().microbatches
            )
        )
        let server = CoordinatorServer(
            coordinator: coordinator,
            recording: recording,
            socket: socket,
            token: token,
            tls: tls,
            bounds: bounds,
            onFence: onFence
        )
        let bench = ShellBench(
            recording: recording,
            server: server,
            address: CoordinatorAddress(host: "127.0.0.1", port: socket.port)
        )
        let serving = Task { try await server.run() }
        defer { serving.cancel() }
        try await body(bench)
        serving.cancel()
        _ = await serving.result
    }

    /// A worker that joins and answers as a real one would; cancel the task to cut its connection.
    func startWorker(
        _ node: NodeID,
        tls: ControlTLS? = nil,
        _ hear: @escaping @Sendable (CoordinatorMessage, WorkerClient) -> Void = { _, _ in }
    ) -> Task<Void, any Error> {
        let client = WorkerClient(
            coordinator: CoordinatorLocator(address),
            token: Self.token,
            tls: tls,
            worker: WorkerID(node)
        )
        let worker = Shared(PromptWorker(WorkerID(node)))
        return Task {
            try await client.run { message in
                hear(message, client)
                for answer in worker.change({ $0.answers(to: message) }) { client.send(answer) }
            }
        }
    }
}

/// Waits until `condition` holds; fails the test when it does not within ten seconds, far less than
/// any detection budget of a ``ShellBench``.
func eventually(
    _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record(what, sourceLocation: sourceLocation)
}

/// Something shared between a test and the closures it hands out.
final class Shared<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) { storage = Mutex(value) }

    var value: Value { storage.withLock { $0 } }

    @discardableResult
    func change<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
        storage.withLock { body(&$0) }
    }
}

/// A worker executable that does nothing but wait for the end of its input, as real ones do, and
/// notes its process id.
struct StandInWorker {
    let folder: String
    var path: String { folder + "/worker.sh" }
    /// The token of a ``ShellBench``, as a run would keep it.
    var tokenPath: String { folder + "/token" }

    init() throws {
        folder = NSTemporaryDirectory() + "oobleck-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = "#!/bin/sh\necho $$ > \"$0.$5.new\"\nmv \"$0.$5.new\" \"$0.$5\"\nexec cat\n"
        try Data(script.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        try Data(ShellBench.token.secret.utf8).write(to: URL(fileURLWithPath: tokenPath))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: tokenPath)
    }

    /// The process id of a node's worker, once it runs.
    func pid(of node: Int) -> pid_t? {
        let file = FileManager.default.contents(atPath: "\(path).\(node)")
        return file.flatMap { pid_t(String(decoding: $0, as: UTF8.self).dropLast()) }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
