import OobleckCore

/// What a process has to bring to be let into a run, beside its token.
package struct Handshake: Sendable {
    /// Nodes that the run expects.
    private let nodes: Int

    package init(nodes: Int) { self.nodes = nodes }

    /// File descriptors that a process of a run needs: its libraries, files and session, and for
    /// each other node a connection in each kind of group, in the generation in force and in the
    /// one that is being built.
    package static func neededDescriptors(nodes: Int) -> Int { 64 + 8 * nodes }

    /// Why the process that says this hello is refused, in one line, or `nil`.
    package func refusal(of hello: SessionHello) -> String? {
        guard hello.protocolVersion == controlProtocolVersion else {
            return "speaks version \(hello.protocolVersion) of the control protocol; "
                + "the coordinator speaks \(controlProtocolVersion)"
        }
        let version = hello.programVersion
        guard version.isEmpty || version == programVersion else {
            return "is version \(version) of the program, the coordinator is \(programVersion); "
                + "all nodes need the same"
        }
        let needed = Self.neededDescriptors(nodes: nodes)
        guard hello.openFileLimit == 0 || hello.openFileLimit >= needed else {
            return
                "may open \(counted(hello.openFileLimit, "file")), a node of \(nodes) needs \(needed); "
                + "raise its limit (ulimit -n \(needed))"
        }
        return nil
    }
}
