import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

/// Numbers of nodes that are being started, and what is said of those that take long.
@Suite("Reserved numbers", .timeLimit(.minutes(5)))
struct ReservedNumberTests {
    @Test("a node that asks for any number gets none that is reserved, at whatever time it comes")
    func strangers() throws {
        var coordinator = try ToyModel().coordinator(nodes: 5, steps: 3, faultTolerance: 1)
        let reserved = (0..<3).map { _ in coordinator.reserve() }
        #expect(reserved == [0, 1, 2])
        #expect(try coordinator.admit(requested: nil) == 3)
        let refused = #expect(throws: OobleckError.self) {
            try coordinator.admit(requested: 1)
        }
        #expect(
            refused?.message
                == "node number 1 is kept for a node that the run starts; the next free is 4"
        )
        #expect(try coordinator.admit(requested: 1, isOwn: true) == 1)
        #expect(coordinator.reserve() == 4)
        #expect(try coordinator.admit(requested: nil) == 5)
        #expect(try coordinator.admit(requested: 0, isOwn: true) == 0)
        #expect(try coordinator.admit(requested: 4, isOwn: true) == 4)
        #expect(throws: OobleckError.self) { try coordinator.admit(requested: 1, isOwn: true) }
    }

    @Test("a start that takes long names the nodes that it waits for, once")
    func names() throws {
        var bench = try CoordinatorBench(nodes: 5)
        for _ in 0..<2 { _ = bench.coordinator.reserve() }
        let hand = try bench.coordinator.admit(requested: nil)
        bench.tell(.agentJoined(hand, agentPID: 100))
        let all = bench.wait(20)
        let said = all.events(.warning).map(\.message).filter { $0.contains("waiting for") }
        #expect(
            said == [
                "waiting for 5 nodes of 5: nodes 0, 1, 2 started and not ready, "
                    + "2 not started yet (oobleck agent)"
            ]
        )
    }
}
