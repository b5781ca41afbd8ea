import OobleckCore
import Testing

@testable import OobleckCoordination

@Suite("Nodes that share a machine", .timeLimit(.minutes(1)))
struct SharingNodesTests {
    @Test("nodes whose agents tell of one machine share it, also in containers")
    func groups() {
        let machines: [NodeID: String] = [0: "a", 1: "b", 2: "a", 3: "c", 4: "b", 7: "a"]
        #expect(CoordinatorPlan.sharing([0, 1, 2, 3, 4], machines) == [0, 1, 2, 4])
        #expect(CoordinatorPlan.sharing([1, 3], machines) == nil)
        #expect(CoordinatorPlan.sharing([0, 7], machines) == [0, 7])
    }

    @Test("a machine that is unknown is shared with none")
    func unknown() {
        #expect(CoordinatorPlan.sharing([0, 1, 2], [0: "", 1: ""]) == nil)
        #expect(CoordinatorPlan.sharing([0, 1], [:]) == nil)
    }
}
