import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorWaitTests {
    private static func join(
        _ node: NodeID,
        _ coordinator: inout Coordinator
    ) throws
        -> [CoordinatorDirective]
    {
        #expect(try coordinator.admit(requested: node) == node)
        let events: [CoordinatorEvent] = [
            .agentJoined(node, agentPID: 100 + node.rawValue),
            .workerJoined(WorkerID(node), workerPID: 200 + node.rawValue),
            .worker(WorkerID(node), .ready(corpusDigest: "c0ffee")),
        ]
        return events.flatMap { coordinator.handle($0, now: 1) }
    }

    @Test("nodes that come while a checkpoint is looked for are enough where none is found")
    func nodesWhileLooking() throws {
        // Found by simulation: the run stopped although it had its nodes and layers again.
        var coordinator = try ToyModel().coordinator(
            nodes: 2,
            steps: 5,
            checkpoint: CheckpointSpecification(.steps(1))
        )
        for node in [NodeID(0), 1] { _ = try Self.join(node, &coordinator) }
        let lost = coordinator.handle(.nodeLost(1, evidence: "killed"), now: 1)
        #expect(lost.contains { if case .checkpoint(.find) = $0 { true } else { false } })
        _ = try Self.join(2, &coordinator)
        let answer = coordinator.handle(.checkpoint(.found(nil, passedOver: [])), now: 1)
        #expect(!answer.contains { if case .finish = $0 { true } else { false } })
        let planned = answer.compactMap { directive -> NodeID? in
            if case .send(let worker, .reconfigure) = directive { worker.node } else { nil }
        }
        #expect(planned == [0, 2])
    }
}
