import OobleckCoordination
import OobleckCore
import OobleckTransport
import OobleckWire
import OobleckWorlds
import SwiftProtobuf

/// What four workers say to a coordinator, message by message, so that what they say can be
/// damaged: a peer of the run may be broken, but must not break the coordinator.
enum Conversation {
    /// One message of one worker, as bytes: node, length in two bytes, message.
    private typealias Record = (node: NodeID, message: WorkerMessage)

    private static let nodes = 4
    private static let steps = 3

    static func target() throws -> FuzzTarget {
        let honest = try record()
        return FuzzTarget("coordinator", samples: [try bytes(honest)], isFile: false) { bytes in
            var coordinator = try coordinator()
            var now = Seconds(1)
            _ = try join(&coordinator, now: now)
            var rest = bytes[...]
            var refusal: OobleckError?
            while rest.count >= 3 {
                let node = NodeID(Int(rest[rest.startIndex]))
                let length = Int(rest[rest.startIndex + 1]) << 8 | Int(rest[rest.startIndex + 2])
                let message = Array(rest.dropFirst(3).prefix(length))
                rest = rest.dropFirst(3 + length)
                now = now + 0.001
                do {
                    let report = try FuzzTarget.decode(WireWorkerReport.self, message).report()
                    guard case .report(_, .message(let said)) = report else { continue }
                    _ = coordinator.handle(.worker(WorkerID(node), said), now: now)
                } catch let error as OobleckError {
                    // The session of this worker would end here.
                    refusal = error
                    let evidence = "its connection ended"
                    _ = coordinator.handle(.nodeLost(node, evidence: evidence), now: now)
                }
                _ = coordinator.handle(.tick, now: now)
            }
            _ = coordinator.status(now: now)
            if let refusal { throw refusal }
        }
    }

    /// Messages of all kinds that a worker sends.
    static let messages: [WorkerMessage] = [
        .ready(corpusDigest: "c0ffee"),
        .prepared(
            PreparationReport(
                generation: 1,
                rebuild: 0.1,
                transfer: 2.5e-7,
                received: ByteCount(1 << 40)
            )
        ), .resumed(generation: 1, step: 9),
        .vote(
            StepVote(
                generation: 2,
                step: 1 << 33,
                squaredNorms: [0: 0.1, 7: 3],
                losses: [0: 1 / 3, 12: -0.0],
                busy: 0.25,
                times: WorkerTimes(
                    elapsed: 0.5,
                    neighbourWait: 0.125,
                    update: 0.25,
                    memory: ByteCount(1 << 33)
                )
            )
        ),
        .evaluated(
            EvaluationReport(
                generation: 2,
                step: 4,
                microbatches: 8,
                losses: [0: 1 / 3, 5: 2],
                targetCounts: [0: 12, 5: 3]
            )
        ), .faulted(generation: 2, message: "connection reset"),
        .failed(exitStatus: 65, message: "no corpus"),
        .rendezvous(Rendezvous(generation: 0, key: "g/0", value: [1, 2, 3])),
        .digests(generation: 3, digests: [0: "ab", 5: "cd"]),
        .layerChunk(LayerChunk(generation: 3, layer: 1, bytes: [1, 2, 3], isLast: true)),
    ]

    /// A plan as a worker gets it.
    static var plan: Reconfiguration {
        Reconfiguration(
            plan: ExecutionPlan(
                generation: 3,
                stepTime: 0.1,
                synchronizationTime: 1e-9,
                pipelines: [
                    Pipeline(templateNodes: 1, nodes: [4], microbatches: 8, pipelineTime: 0.3)
                ]
            ),
            templates: [
                PipelineTemplate(
                    nodes: 1,
                    iteration: 0.7,
                    stages: [
                        StageTemplate(
                            firstLayer: 0,
                            endLayer: 6,
                            node: 0,
                            devices: 1,
                            forward: 0.1,
                            backward: 0.2
                        )
                    ]
                )
            ],
            committedSteps: 17,
            transfers: [LayerTransfer(layer: 5, fromNode: 1, toNode: 4, bytes: 300)]
        )
    }

    private static func coordinator() throws -> Coordinator {
        try ToyModel().coordinator(nodes: nodes, steps: steps)
    }

    private static func join(
        _ coordinator: inout Coordinator,
        now: Seconds
    ) throws -> [CoordinatorDirective] {
        var directives: [CoordinatorDirective] = []
        for node in 0..<nodes {
            let id = try coordinator.admit(requested: NodeID(node))
            directives += coordinator.handle(.agentJoined(id, agentPID: 100 + node), now: now)
            directives += coordinator.handle(
                .workerJoined(WorkerID(id), workerPID: 200 + node),
                now: now
            )
        }
        return directives
    }

    /// All that honest workers say in a whole run.
    private static func record() throws -> [Record] {
        var coordinator = try coordinator()
        var workers = (0..<nodes).map { PromptWorker(WorkerID(NodeID($0))) }
        var now = Seconds(1)
        var waiting = try join(&coordinator, now: now)
        var records: [Record] = []
        while !waiting.isEmpty {
            let directive = waiting.removeFirst()
            guard case .send(let worker, let message) = directive else { continue }
            var answers = workers[worker.node.rawValue].answers(to: message)
            if case .reconfigure(let plan) = message {
                let word = Rendezvous(generation: plan.generation, key: "\(worker)", value: [1])
                answers.insert(.rendezvous(word), at: 0)
            }
            for answer in answers {
                now = now + 0.001
                records.append((worker.node, answer))
                waiting += coordinator.handle(.worker(worker, answer), now: now)
            }
            precondition(records.count < 10_000, "the conversation does not end")
        }
        return records
    }

    private static func bytes(_ records: [Record]) throws -> [UInt8] {
        try records.flatMap { record -> [UInt8] in
            let report = WireWorkerReport(.message(record.message), node: record.node)
            let message: [UInt8] = try report.serializedBytes()
            precondition(message.count < 1 << 16, "a message of \(message.count) bytes")
            let length = [UInt8(message.count >> 8), UInt8(message.count & 0xff)]
            return [UInt8(record.node.rawValue)] + length + message
        }
    }
}
