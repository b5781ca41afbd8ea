import OobleckCore
import OobleckTransport
import Testing

@Suite("Where to listen", .timeLimit(.minutes(5)))
struct NetworkInterfaceTests {
    @Test("an address, a name and an interface of this machine are its address")
    func known() throws {
        for name in ["127.0.0.1", "localhost", "lo"] {
            #expect(try NetworkInterface.address(name) == "127.0.0.1")
        }
        #expect(try NetworkInterface.address("127.0.0.2") == "127.0.0.2")
    }

    /// Whether this machine has IPv6 on loopback.
    static let hasIPv6: Bool = {
        do {
            let socket = try ListeningSocket(host: "::1", port: 0)
            socket.discard()
            return true
        } catch {
            return false
        }
    }()

    @Test(
        "an IPv6 address is known as any other",
        .enabled(if: NetworkInterfaceTests.hasIPv6, "no IPv6 here")
    )
    func knownIPv6() throws {
        for name in ["::1", "[::1]", "0:0:0:0:0:0:0:1"] {
            #expect(try NetworkInterface.address(name) == "::1")
        }
        let socket = try ListeningSocket(host: "::1", port: 0)
        #expect(socket.port > 0)
        socket.discard()
    }

    @Test("a host and a port are read as people write them")
    func hostAndPort() throws {
        let good = [
            ("127.0.0.1:80", "127.0.0.1", HostPort.Form.ipv4), ("head:80", "head", .name),
            ("[::1]:80", "::1", .ipv6), ("[fd00::7]:80", "fd00::7", .ipv6),
        ]
        for (text, host, form) in good {
            let pair = try HostPort(parsing: text, what: "it")
            #expect(pair.host == host && pair.port == 80 && pair.form == form)
            #expect(pair.description == text)
        }
        let bad = [
            ("head", "HOST:PORT"), (":80", "HOST:PORT"), ("head:0", "HOST:PORT"),
            ("head:99999", "HOST:PORT"), ("::1:80", "in brackets"), ("[head]:80", "brackets"),
            ("[::1]", "HOST:PORT"), ("[fe80::1%eth0]:80", "not supported"), ("[::1:80", "brackets"),
        ]
        for (text, words) in bad {
            let error = #expect(throws: OobleckError.self) {
                try HostPort(parsing: text, what: "coordinator")
            }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test(
        "all interfaces at once, and what is not of this machine, are refused in one line",
        arguments: [
            "0.0.0.0", "192.0.2.1", "eth99", "no such host", "", "::", "2001:db8::1", "fe80::1%lo",
        ]
    )
    func refused(name: String) {
        let error = #expect(throws: OobleckError.self) { try NetworkInterface.address(name) }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("\n") == false)
        // The message says what there is.
        #expect(error?.message.contains("lo (127.0.0.1)") == true)
    }

    @Test("only this machine is loopback")
    func loopback() {
        func isLoopback(_ host: String) -> Bool {
            CoordinatorAddress(host: host, port: 1).isLoopback
        }
        #expect(isLoopback("127.0.0.1") && isLoopback("127.1.2.3") && isLoopback("localhost"))
        #expect(isLoopback("::1") && !isLoopback("fd00::1"))
        #expect(!isLoopback("10.0.0.1") && !isLoopback("1.127.0.1") && !isLoopback("example.org"))
    }
}
