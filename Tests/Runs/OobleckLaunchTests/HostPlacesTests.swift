import OobleckCore
import OobleckLaunch
import Testing

@Suite("Nodes of several devices on hosts", .timeLimit(.minutes(5)))
struct HostPlacesTests {
    private let hosts = [
        HostEntry(name: "a", slots: [0, 1, 2, 3]), HostEntry(name: "b", slots: [5, 7]),
    ]

    @Test("a host has a node for every so many of its devices, in their order")
    func places() throws {
        #expect(hosts[0].places(devicesPerNode: 1) == [[0], [1], [2], [3]])
        #expect(hosts[0].places(devicesPerNode: 2) == [[0, 1], [2, 3]])
        #expect(hosts[1].places(devicesPerNode: 2) == [[5, 7]])
        #expect([1, 2, 4].map { hosts.nodeCount(devicesPerNode: $0) } == [6, 3, 1])
        for host in hosts { try host.requireWholeNodes(devicesPerNode: 2) }
    }

    @Test("devices that make no whole number of nodes are refused in one line")
    func refused() {
        let error = #expect(throws: OobleckError.self) {
            try hosts[1].requireWholeNodes(devicesPerNode: 4)
        }
        #expect(
            error?.message == "host b has 2 slots; the job has 4 devices a node "
                + "(devices_per_node), so it must be a multiple of 4"
        )
    }
}
