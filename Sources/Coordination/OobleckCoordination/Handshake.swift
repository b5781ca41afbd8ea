import OobleckCore

/// What a process has to bring to be let into a run, beside its token.
package struct Handshake: Sendable {
    /// Nodes that the run expects, and the workers of each.
    private let nodes: Int
    private let devicesPerNode: Int

    package init(nodes: Int, devicesPerNode: Int = 1) {
        self.nodes = nodes
        self.devicesPerNode = devicesPerNode
    }

    /// File descriptors that a process of a run needs: its libraries, files and session, and for
    /// each other worker a connection in each kind of group, in the generation in force and in the
    /// one that is being built.
    package static func neededDescriptors(workers: Int) -> Int { 64 + 8 * workers }

    /// Why the process that says this hello is refused, or `nil`.
    package func misfit(of hello: SessionHello) -> Refusal.Misfit? {
        guard hello.protocolVersion == controlProtocolVersion else {
            let reason =
                "speaks version \(hello.protocolVersion) of the control protocol; "
                + "the coordinator speaks \(controlProtocolVersion)"
            return Refusal.Misfit(.protocolVersion, reason: reason)
        }
        let version = hello.programVersion
        guard version.isEmpty || version == programVersion else {
            let reason =
                "is version \(version) of the program, the coordinator is \(programVersion); "
                + "all nodes need the same"
            return Refusal.Misfit(.programVersion, reason: reason)
        }
        let needed = Self.neededDescriptors(workers: nodes * devicesPerNode)
        guard hello.openFileLimit == 0 || hello.openFileLimit >= needed else {
            let reason =
                "may open \(counted(hello.openFileLimit, "file")), a node of \(nodes) needs \(needed); "
                + "raise its limit (ulimit -n \(needed))"
            return Refusal.Misfit(.openFiles, reason: reason)
        }
        return nil
    }
}
