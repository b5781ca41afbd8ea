import OobleckCoordination
import OobleckCore
import OobleckTransport
import OobleckWire
import OobleckWorlds
import SwiftProtobuf
import Testing

@Suite("Control messages on the wire")
struct WireRoundTripTests {
    static let reconfiguration = Reconfiguration(
        plan: ExecutionPlan(
            generation: 3,
            stepTime: 0.1,
            synchronizationTime: 1e-9,
            pipelines: [
                Pipeline(templateNodes: 2, nodes: [4, 1], microbatches: 8, pipelineTime: 0.3)
            ]
        ),
        templates: [
            PipelineTemplate(
                nodes: 2,
                iteration: 0.7,
                stages: [
                    StageTemplate(
                        firstLayer: 0,
                        endLayer: 3,
                        node: 0,
                        devices: 1,
                        forward: 0.1,
                        backward: 0.2
                    ),
                    StageTemplate(
                        firstLayer: 3,
                        endLayer: 6,
                        node: 1,
                        devices: 1,
                        forward: 0.3,
                        backward: 0.1
                    ),
                ]
            )
        ],
        committedSteps: 17,
        transfers: [LayerTransfer(layer: 5, fromNode: 1, toNode: 4, bytes: 300)]
    )

    static func record(_ step: Int) -> CommittedStep {
        CommittedStep(
            step: step,
            generation: 3,
            firstSample: 32 * step,
            endSample: 32 * step + 32,
            loss: 0.1 + 0.2,
            gradientNorm: 1e-300
        )
    }

    static let coordinatorMessages: [CoordinatorMessage] = [
        .job(ToyModel().job(nodes: 4, steps: 10)),
        .reconfigure(reconfiguration),
        .resume(generation: 3, step: 17),
        .evaluate(generation: 3, step: 18),
        .commit(StepCommit(record: record(17), gradientFactor: 0.1 + 0.2, pauses: true)),
        .commit(
            StepCommit(record: record(18), gradientFactor: 1, pauses: false, skips: true)
        ),
        .abort(generation: 4, reason: "node 2 lost: \u{1F480}"),
        .rendezvous(Rendezvous(generation: 5, key: "a/b", value: [0, 255, 128])),
        .collect(generation: 6, upload: [0, 5, 3]),
        .stop(reason: ""),
        .checkpoint(
            CheckpointOrder(
                generation: 3,
                step: 1 << 33,
                folder: "/runs/a b/step-1.generation-3.partial",
                layers: [5, 0]
            )
        ),
        .reconfigure(restoring),
    ]

    static let restoring: Reconfiguration = {
        var plan = reconfiguration
        plan.restore = RestorePoint(
            step: 12,
            folder: "/runs/a/step-12",
            stateSHA256: "ab",
            layerSHA256: ["c", "d"]
        )
        return plan
    }()

    static let workerMessages: [WorkerMessage] = [
        .ready(corpusDigest: "c0ffee", modelDigest: "beef"),
        .ready(corpusDigest: "c0ffee", validationDigest: "cafe"),
        .evaluated(
            EvaluationReport(
                generation: 2,
                step: 1 << 33,
                microbatches: 40,
                losses: [0: 1 / 3, 39: Double.leastNonzeroMagnitude],
                targetCounts: [0: 128, 39: 0]
            )
        ),
        .prepared(
            PreparationReport(
                generation: 1,
                rebuild: 0.1,
                transfer: 2.5e-7,
                received: ByteCount(1 << 40)
            )
        ),
        .resumed(generation: 1, step: 9),
        .vote(
            StepVote(
                generation: 2,
                step: 1 << 33,
                squaredNorms: [0: 0.1, 7: Double.leastNonzeroMagnitude],
                losses: [0: 1 / 3, 12: -0.0],
                busy: 0.25,
                nonFinite: NonFiniteLayers(outputs: [3, 1], gradients: [7]),
                layerTimes: [0: 0.125, 7: 1e-9],
                state: StateObservation(digests: [0: UInt64.max, 7: 0], altered: [7])
            )
        ),
        .vote(StepVote(generation: 0, step: 0, squaredNorms: [:], losses: [:], busy: 0)),
        .faulted(generation: 2, message: "connection reset"),
        .faulted(
            generation: 2,
            message: "no group",
            FaultFindings(unreached: [3, 0], damagedLayers: [5, 1])
        ),
        .failed(exitStatus: -1, message: "no corpus"),
        .rendezvous(Rendezvous(generation: 0, key: "", value: [])),
        .digests(generation: 8, digests: [0: "aa", 5: "bb"]),
        .layerChunk(LayerChunk(generation: 8, layer: 5, bytes: Array(0...255), isLast: true)),
        .shard(
            ShardReport(
                generation: 8,
                step: 50,
                layer: 5,
                outcome: .written(
                    ShardDigest(sha256: "aa", fileSHA256: "bb", bytes: 1 << 40)
                ),
                heldUp: 0.001
            )
        ),
        .shard(
            ShardReport(
                generation: 8,
                step: 50,
                layer: 0,
                outcome: .failed("no space left"),
                heldUp: 0
            )
        ),
        .restoreFailed(RestoreFailure(generation: 9, step: 50, message: "altered")),
    ]

    /// Fails to compile when a case is added, so that the sample above gets it too.
    static func name(_ message: CoordinatorMessage) -> Int {
        switch message {
        case .job: 0
        case .reconfigure: 1
        case .resume: 2
        case .commit: 3
        case .abort: 4
        case .rendezvous: 5
        case .collect: 6
        case .stop: 7
        case .checkpoint: 8
        case .evaluate: 9
        }
    }

    static func name(_ message: WorkerMessage) -> Int {
        switch message {
        case .ready: 0
        case .prepared: 1
        case .resumed: 2
        case .vote: 3
        case .faulted: 4
        case .failed: 5
        case .rendezvous: 6
        case .digests: 7
        case .layerChunk: 8
        case .shard: 9
        case .restoreFailed: 10
        case .evaluated: 11
        }
    }

    @Test("the samples have every case")
    func samplesAreComplete() {
        #expect(Set(Self.coordinatorMessages.map(Self.name)) == Set(0...9))
        #expect(Set(Self.workerMessages.map(Self.name)) == Set(0...11))
    }

    @Test("what a coordinator says arrives as it was said", arguments: coordinatorMessages)
    func coordinatorRoundTrip(message: CoordinatorMessage) throws {
        let bytes: [UInt8] = try WireWorkerInstruction(.message(message)).serializedBytes()
        let back = try WireWorkerInstruction(serializedBytes: bytes).instruction()
        #expect(back == .message(message))
    }

    @Test("what a worker says arrives as it was said", arguments: workerMessages)
    func workerRoundTrip(message: WorkerMessage) throws {
        let bytes: [UInt8] = try WireWorkerReport(.message(message), node: 7).serializedBytes()
        let back = try WireWorkerReport(serializedBytes: bytes).report()
        #expect(back == .report(7, .message(message)))
    }

    @Test("session messages arrive as they were said")
    func sessionRoundTrips() throws {
        for node in [nil, NodeID(0), NodeID(12)] {
            let hello = SessionHello(
                node: node,
                pid: 4711,
                protocolVersion: 9,
                nodeName: "rack-3",
                programVersion: "1.2",
                openFileLimit: 1024
            )
            #expect(try WireAgentReport(hello: hello).report() == .hello(hello))
            #expect(try WireWorkerReport(hello: hello).report() == .hello(hello))
        }
        var testimony = WorkerTestimony()
        for _ in 0..<2 {
            let hello = SessionHello(
                node: 5,
                device: 2,
                pid: 4711,
                isReturning: true,
                testimony: testimony
            )
            let bytes: [UInt8] = try WireWorkerReport(hello: hello).serializedBytes()
            #expect(try WireWorkerReport(serializedBytes: bytes).report() == .hello(hello))
            testimony.corpusDigest = "c0ffee"
            testimony.hasJob = true
            testimony.generation = 4
            testimony.prepared = []
            testimony.adopted = 3
            testimony.layers = [0, 5]
            testimony.steps = 18
            testimony.votedStep = 18
            testimony.commits = [Self.record(16), Self.record(17)]
        }
        let reports: [AgentReport] = [
            .heartbeat, .workerExited(evidence: "signal 9"), .leaving(reason: "spot"),
            .workerExited(evidence: "status 71", isOutOfMemory: true),
        ]
        for report in reports {
            #expect(try WireAgentReport(report, node: 3).report() == .report(3, report))
        }
        #expect(try WireWorkerReport(.heartbeat, node: 3).report() == .report(3, .heartbeat))
        let agent: [AgentInstruction] = [
            .admitted(3, detectionBudget: 0.5, coordinatorWait: 90), .refused(reason: "r"),
            .admitted(3, detectionBudget: 0.5, coordinatorWait: 90, devices: 8),
            .fence(reason: "f"),
            .stop(reason: "s"), .heartbeat,
        ]
        for instruction in agent {
            #expect(try WireAgentInstruction(instruction).instruction() == instruction)
        }
        let worker: [WorkerInstruction] = [
            .welcome(3, detectionBudget: 0.5, coordinatorWait: 90), .refused(reason: "r"),
            .heartbeat,
        ]
        for instruction in worker {
            #expect(try WireWorkerInstruction(instruction).instruction() == instruction)
        }
    }

    @Test(
        "a time that cannot have been measured arrives as none, and costs nobody a node",
        arguments: [-1, .nan, .infinity, -.infinity, 1e300]
    )
    func hostileTimes(value: Double) throws {
        var report = WireWorkerReport()
        report.node = 1
        report.vote = WireVote.with {
            $0.busySeconds = value
            $0.layerSeconds = [3: value, 4: 0.5]
        }
        guard case .report(_, .message(.vote(let vote))) = try report.report() else {
            Issue.record("no vote")
            return
        }
        #expect(vote.busy == 0)
        #expect(vote.layerTimes == [3: 0, 4: 0.5])
        report.prepared = .with {
            $0.rebuildSeconds = value
            $0.transferSeconds = 0.25
        }
        guard case .report(_, .message(.prepared(let prepared))) = try report.report() else {
            Issue.record("no report")
            return
        }
        #expect(prepared.rebuild == 0 && prepared.transfer == 0.25)
    }

    @Test("a malformed message is an error that names it")
    func malformedMessages() {
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return "no error"
        }
        var directive = WireWorkerInstruction()
        #expect(message { _ = try directive.instruction() }.contains("WorkerInstruction"))
        directive.job = .init([UInt8(ascii: "{")])
        #expect(message { _ = try directive.instruction() }.contains("WorkerInstruction.job"))
        directive.commit = WireCommit()
        #expect(message { _ = try directive.instruction() }.contains("Commit"))
        var report = WireWorkerReport()
        #expect(message { _ = try report.report() }.contains("WorkerReport"))
        report.vote = WireVote.with { $0.step = -1 }
        #expect(message { _ = try report.report() }.contains("Vote.step"))
        report.node = -1
        #expect(message { _ = try report.report() }.contains("WorkerReport.node"))
        #expect(message { _ = try WireAgentReport().report() }.contains("AgentReport"))
        let complaint = message { _ = try WireAgentInstruction().instruction() }
        #expect(complaint.contains("AgentInstruction"))
    }
}
