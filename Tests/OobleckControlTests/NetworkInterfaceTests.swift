import OobleckControl
import OobleckCore
import Testing

@Suite("Where to listen")
struct NetworkInterfaceTests {
    @Test("an address, a name and an interface of this machine are its address")
    func known() throws {
        for name in ["127.0.0.1", "localhost", "lo"] {
            #expect(try NetworkInterface.address(name) == "127.0.0.1")
        }
        #expect(try NetworkInterface.address("127.0.0.2") == "127.0.0.2")
    }

    @Test(
        "all interfaces at once, and what is not of this machine, are refused in one line",
        arguments: ["0.0.0.0", "192.0.2.1", "eth99", "no such host", ""]
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
        #expect(!isLoopback("10.0.0.1") && !isLoopback("1.127.0.1") && !isLoopback("example.org"))
    }
}
