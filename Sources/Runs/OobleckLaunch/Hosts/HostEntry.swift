/// A machine that a hostfile names.
package struct HostEntry: Hashable, Sendable {
    /// What people and logs call it; unique in its file.
    package var name: String
    /// What ssh is told: `node1`, `user@10.0.0.7`, or an alias of the ssh configuration.
    package var destination: String
    /// Port of its ssh server; `nil` leaves it to ssh.
    package var port: Int?
    /// Address at which other nodes reach it; `nil` is found by its route to the coordinator.
    package var address: String?
    /// Numbers of its devices that take part; a node runs on each, or on several
    /// (``places(devicesPerNode:)``).
    package var slots: [Int]

    package init(
        name: String,
        destination: String? = nil,
        port: Int? = nil,
        address: String? = nil,
        slots: [Int] = [0]
    ) {
        self.name = name
        self.destination = destination ?? name
        self.port = port
        self.address = address
        self.slots = slots
    }
}
