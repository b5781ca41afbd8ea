import OobleckCoordination
import OobleckCore
import OobleckData
import OobleckTransport
import OobleckWire
import OobleckWorlds
import SwiftProtobuf

extension FuzzTarget {
    /// The decoders of all messages that come over a network, and the decisions behind them.
    package static func wire() throws -> [FuzzTarget] {
        [
            try workerReports(), try agentReports(), try directives(), try watchReplies(),
            try Conversation.target(),
        ]
    }

    private static func workerReports() throws -> FuzzTarget {
        let reports =
            [WireWorkerReport(hello: SessionHello(node: 3, pid: 77))]
            + Conversation.messages.map { WireWorkerReport(.message($0), node: 3) }
            + [WireWorkerReport(.heartbeat, node: 3)]
        return FuzzTarget("worker-report", samples: try bytes(reports), isFile: false) { bytes in
            _ = try decode(WireWorkerReport.self, bytes).report()
        }
    }

    private static func agentReports() throws -> FuzzTarget {
        let reports = [
            WireAgentReport(hello: SessionHello(node: nil, pid: 77)),
            WireAgentReport(hello: SessionHello(node: 1, pid: 77)),
            WireAgentReport(.heartbeat, node: 1),
            WireAgentReport(.workerExited(evidence: "its worker was killed by signal 9"), node: 1),
        ]
        return FuzzTarget("agent-report", samples: try bytes(reports), isFile: false) { bytes in
            _ = try decode(WireAgentReport.self, bytes).report()
        }
    }

    /// What a client that watches a run reads.
    private static func watchReplies() throws -> FuzzTarget {
        let recovery = RecoveryRecord(
            step: 17,
            lostNodes: [2],
            detect: 0.01,
            decide: 0.001,
            rebuild: 0.05,
            transfer: 0.2,
            transferBytes: 4096,
            total: 0.3,
            reason: "node 2 is replaced"
        )
        let contents: [RunEvent.Content] = [
            .nodeLost(2, .silent(.worker, 2.5)), .recovered(recovery),
            .committed(step: 17, loss: .nan, isSkipped: true),
            .warning(.checkpointSkipped(step: 6, writing: 4)),
            .damaged(.copies(3, [NamedLayer(index: 1, name: "block0")])),
        ]
        let status = RunStatus(
            phase: .training,
            step: 17,
            steps: 40,
            generation: 3,
            loss: 2.5,
            stepTime: 0.1,
            tokensPerSecond: 1e4,
            idleShare: 0.2,
            pipelines: 2,
            nodes: [NodeStatus(id: 2, state: .healthy)]
        )
        let replies =
            try contents.map {
                let event = RunEvent(generation: 3, step: 17, $0)
                return try WireWatchReply(.event(TimedEvent(event, time: 1e9, monotonic: 77)))
            } + [try WireWatchReply(.status(status)), .with { $0.heartbeat = .init() }]
        return FuzzTarget("watch-reply", samples: try bytes(replies), isFile: false) { bytes in
            if case .event(let event) = try decode(WireWatchReply.self, bytes).update() {
                _ = (event.text, event.event.message)
            }
        }
    }

    private static func directives() throws -> FuzzTarget {
        let plan = Conversation.plan
        let directives: [WireWorkerInstruction] = try [
            .welcome(3, detectionBudget: 2), .refused(reason: "out"),
            .message(.job(ToyModel().job(nodes: 4, steps: 10))), .message(.reconfigure(plan)),
            .message(.resume(generation: 3, step: 17)),
            .message(.evaluate(generation: 3, step: 20)),
            .message(
                .commit(
                    StepCommit(
                        record: CommittedStep(
                            step: 17,
                            generation: 3,
                            firstSample: 544,
                            endSample: 576,
                            loss: 2.5,
                            gradientNorm: 1.25
                        ),
                        gradientFactor: 0.5,
                        pauses: true
                    )
                )
            ),
            .message(.abort(generation: 4, reason: "node 2 lost")),
            .message(.rendezvous(Rendezvous(generation: 5, key: "a/b", value: [0, 255, 128]))),
            .message(.collect(generation: 6, upload: [0, 5, 3])), .message(.stop(reason: "")),
        ].map { try WireWorkerInstruction($0) }
        return FuzzTarget("directive", samples: try bytes(directives), isFile: false) { bytes in
            _ = try decode(WireWorkerInstruction.self, bytes).instruction()
        }
    }

    private static func bytes(_ messages: [some SwiftProtobuf.Message]) throws -> [[UInt8]] {
        try messages.map { try $0.serializedBytes() }
    }

    /// As gRPC would: what is no message at all ends the stream before we see it.
    static func decode<Message: SwiftProtobuf.Message>(
        _ type: Message.Type,
        _ bytes: [UInt8]
    ) throws -> Message {
        do {
            return try Message(serializedBytes: bytes)
        } catch is BinaryDecodingError {
            throw OobleckError(.inputData, "no \(type)")
        } catch is SwiftProtobufError {
            throw OobleckError(.inputData, "no \(type)")
        }
    }
}
