import OobleckCore
import OobleckLaunch
import OobleckTestSupport
import Testing

@Suite("Hostfiles", .timeLimit(.minutes(5)))
struct HostfileTests {
    private func parse(_ text: String) throws -> [HostEntry] {
        try Hostfile.parse(text, path: "hosts")
    }

    @Test(
        "names, devices, ports and addresses are read; the rest has defaults",
        .timeLimit(.minutes(5))
    )
    func ours() throws {
        let text = """
            # the cluster
            node1                                  # one node
            node2 slots=2 port=2222 address=10.0.0.7

            alice@node3\tslots=1
            fd00::7
            """
        let hosts = try parse(text)
        #expect(
            hosts == [
                HostEntry(name: "node1"),
                HostEntry(name: "node2", port: 2222, address: "10.0.0.7", slots: [0, 1]),
                HostEntry(name: "node3", destination: "alice@node3"),
                HostEntry(name: "fd00::7"),
            ]
        )
    }

    @Test("DeepSpeed's, MPI's and Oobleck's own files are read", .timeLimit(.minutes(5)))
    func others() throws {
        #expect(try parse("worker-0 slots=4\r\nworker-1 slots=4\r\n").map(\.slots.count) == [4, 4])
        let published = "worker-1 slots=2 port=1234\nworker-1 slots=2 port=1235\n"
        #expect(try parse(published).map(\.name) == ["worker-1:1234", "worker-1:1235"])
        #expect(try parse(published).map(\.destination) == ["worker-1", "worker-1"])
        #expect(
            try parse("a 10.0.0.7 2,3") == [
                HostEntry(name: "a", destination: "10.0.0.7", slots: [2, 3])
            ]
        )
    }

    static let mistakes: [(String, String)] = [
        ("", "hosts names no host; write one a line, as in: node1 slots=1"),
        ("# only\n\n", "hosts names no host; write one a line, as in: node1 slots=1"),
        ("a\nb slots=0", "hosts:2: slots is \"0\"; it must be from 1 to 64"),
        ("a slots=65", "hosts:1: slots is \"65\"; it must be from 1 to 64"),
        ("a slots=+1", "hosts:1: slots is \"+1\"; it must be from 1 to 64"),
        (
            "a port=99999999999999999999",
            "hosts:1: port is \"99999999999999999999\"; it must be from 1 to 65535"
        ),
        (
            "a slot=1",
            "hosts:1: unknown key \"slot\"; after the host come slots=N, port=N, address=ADDRESS and "
                + "devices=N,N"
        ),
        (
            "a 4",
            "hosts:1: cannot read \"4\"; after the host come slots=N, port=N, address=ADDRESS and "
                + "devices=N,N"
        ),
        ("a slots=1 slots=2", "hosts:1: slots stands there twice"),
        ("a slots=2 devices=0", "hosts:1: slots=2, but 1 devices are listed"),
        (
            "a devices=0,0",
            "hosts:1: devices is \"0,0\"; it must be different numbers below 64, as in 0,1"
        ),
        ("a\nb\na", "hosts:3: a stands in line 1 already; one line a host, or different ports"),
        (
            "-oProxyCommand=x",
            "hosts:1: the host is \"-oProxyCommand=x\"; it must be a name or an address, as node1, "
                + "user@node1 or 10.0.0.7"
        ),
        ("alice@", "hosts:1: the host is \"alice@\"; with a user it is written user@host"),
    ]

    @Test(
        "mistakes are named with their line and what would be right",
        .timeLimit(.minutes(5)),
        arguments: mistakes
    )
    func mistake(_ text: String, _ message: String) throws {
        let error = #expect(throws: OobleckError.self) { _ = try parse(text) }
        #expect(error?.message == message)
        #expect(error?.code == .inputData)
    }

    @Test(
        "damaged files are refused in one line, or read",
        .timeLimit(.minutes(5)),
        arguments: Seed.range(0..<400)
    )
    func damaged(_ seed: Seed) throws {
        var random = SeededGenerator(seed)
        let pieces = [
            "node1", " ", "\t", "\n", "\r", "slots=", "port=", "address=", "devices=", "=", ",",
            "#", "@",
            "0", "1", "-1", "99999999999999999999", "\u{0}", "\u{1b}[31m", "é", "🙂", ":", "[", "]",
            "%",
            "'", "\"", "$(x)", "`", ";", "-o", "\\", String(repeating: "x", count: 300),
        ]
        let text = (0..<Int.random(in: 1...30, using: &random)).map { _ in
            pieces.randomElement(using: &random) ?? ""
        }.joined()
        do {
            for host in try parse(text) {
                let parts = [host.name, host.destination, host.address ?? "a"]
                #expect(!parts.contains { $0.isEmpty || $0.hasPrefix("-") })
                #expect(parts.allSatisfy { $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } })
                #expect(!parts.contains { $0.contains { "'\"`$;\\#=".contains($0) } })
                #expect(!host.slots.isEmpty)
            }
        } catch let error as OobleckError {
            #expect(error.message.hasPrefix("hosts") && !error.message.contains("\n"))
        }
    }

    @Test(
        "hosts and their devices are included and excluded as DeepSpeed does",
        .timeLimit(.minutes(5))
    )
    func selection() throws {
        let hosts = try parse("a slots=4\nb slots=4\nc slots=2")
        func select(_ include: String?, _ exclude: String?) throws -> [String] {
            try HostSelection.select(hosts, include: include, exclude: exclude).map {
                "\($0.name):" + $0.slots.map(String.init).joined(separator: ",")
            }
        }
        #expect(try select("a@b:0,2", nil) == ["a:0,1,2,3", "b:0,2"])
        #expect(try select(nil, "a@b:0,2") == ["b:1,3", "c:0,1"])
        #expect(try select("c,a", nil) == ["a:0,1,2,3", "c:0,1"])
        #expect(try select(nil, nil).count == 3)
        #expect(throws: OobleckError.self) { try select("a", "b") }
        #expect(throws: OobleckError.self) { try select("a:7", nil) }
        #expect(throws: OobleckError.self) { try select("", nil) }
        #expect(throws: OobleckError.self) { try select("a@@b", nil) }
        #expect(throws: OobleckError.self) { try select(nil, "a@b@c") }
        let unknown = #expect(throws: OobleckError.self) { try select("nodes", nil) }
        #expect(unknown?.message.hasPrefix("--include names nodes, which is not in the") == true)
    }
}
