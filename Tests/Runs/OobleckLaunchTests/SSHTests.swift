import OobleckCore
import OobleckLaunch
import Testing

@Suite("How hosts are reached over ssh", .timeLimit(.minutes(5)))
struct SSHTests {
    private let host = HostEntry(name: "node1", destination: "alice@node1", port: 2222)

    @Test("strictness comes first, so that no later setting can undo it", .timeLimit(.minutes(5)))
    func order() throws {
        let options = try SSHOptions(configPath: "/x", extra: ["IdentityFile=/k", "-v"])
        let arguments = options.arguments(host, command: ["/opt/my prog", "remote"])
        let strict = try #require(arguments.firstIndex(of: "StrictHostKeyChecking=yes"))
        let batch = try #require(arguments.firstIndex(of: "BatchMode=yes"))
        let own = try #require(arguments.firstIndex(of: "IdentityFile=/k"))
        #expect(strict < own && batch < own)
        #expect(arguments.prefix(2) == ["-F", "/x"])
        #expect(
            arguments.suffix(5) == ["-p", "2222", "--", "alice@node1", "'/opt/my prog' remote"]
        )
    }

    @Test(
        "what would leave host keys unchecked is refused",
        .timeLimit(.minutes(5)),
        arguments: [
            "StrictHostKeyChecking=no", "stricthostkeychecking no", "-oStrictHostKeyChecking=no",
            "BatchMode=no", "ControlMaster=auto", "nonsense",
        ]
    )
    func refused(_ option: String) {
        #expect(throws: OobleckError.self) { try SSHOptions(configPath: nil, extra: [option]) }
    }

    static let failures: [(Int32?, String, SSHFailure.Kind, Bool)] = [
        (255, "ssh: connect to host 10.0.0.7 port 22: Connection refused\r\n", .unreachable, true),
        (255, "ssh: connect to host 10.0.0.7 port 22: Connection timed out", .unreachable, true),
        (255, "kex_exchange_identification: Connection closed by remote host", .unreachable, true),
        (255, "", .unreachable, true),
        (nil, "", .unreachable, true),
        (255, "ssh: Could not resolve hostname x: Name or service not known", .name, true),
        (255, "alice@node1: Permission denied (publickey).", .permission, false),
        (
            255,
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            .hostKeyChanged, false
        ),
        (
            255,
            "No ED25519 host key is known for node1 and you have requested strict checking.\n"
                + "Host key verification failed.", .hostKeyUnknown, false
        ),
        (127, "bash: line 1: /opt/oobleck: No such file or directory", .program, false),
        (126, "bash: line 1: /opt/oobleck: Permission denied", .program, false),
        (64, "oobleck: the coordinator refuses: is version 2", .ended, false),
        (75, "oobleck: node1 has died 2 times; it may join again in 8 s", .ended, true),
        (137, "", .ended, true),
    ]

    @Test("failures are told apart by what ssh says", .timeLimit(.minutes(5)), arguments: failures)
    func failure(_ status: Int32?, _ errors: String, _ kind: SSHFailure.Kind, _ mayPass: Bool) {
        let failure = SSHFailure(
            status: status,
            errors: errors,
            program: "/opt/oobleck",
            host: host
        )
        #expect(failure.kind == kind)
        #expect(failure.mayPass == mayPass)
        #expect(!failure.text.contains("\n") && !failure.text.isEmpty)
    }

    @Test("a connection that ends after the greeting is only that", .timeLimit(.minutes(5)))
    func ended() {
        let errors = "Timeout, server node1 not responding."
        let failure = SSHFailure(
            status: 255,
            errors: errors,
            program: "oobleck",
            host: host,
            hasStarted: true
        )
        #expect(failure.text == "the connection to it ended (\(errors))")
    }

    @Test("only listed variables are passed, and those that are named", .timeLimit(.minutes(5)))
    func environment() throws {
        let own = ["NCCL_DEBUG": "INFO", "HOME": "/root", "AWS_SECRET": "x", "A": "1"]
        let passed = try EnvironmentChoice.variables(["A", "B=2=3", "HOME=/h"], own: own)
        #expect(passed == ["NCCL_DEBUG": "INFO", "A": "1", "B": "2=3", "HOME": "/h"])
        for wrong in ["", "=1", "1A=2", "A B=1", "C"] {
            #expect(throws: OobleckError.self) {
                try EnvironmentChoice.variables([wrong], own: own)
            }
        }
    }
}
