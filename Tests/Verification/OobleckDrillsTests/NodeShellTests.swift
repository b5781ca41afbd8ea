import OobleckCore
import OobleckDrills
import Testing

@Suite(.timeLimit(.minutes(5))) struct NodeShellTests {
    private static func node(_ name: String?) -> NodeStatus {
        NodeStatus(id: 3, name: name, state: .healthy)
    }

    @Test("words carry the node's machine, and its number, wherever they stand")
    func words() throws {
        let ssh = try NodeShell(parsing: "ssh -p 22 root@{host}")
        #expect(
            try ssh.commandLine(["kill", "-0", "7"], on: Self.node("gpu-3.lan/3"))
                == ["ssh", "-p", "22", "root@gpu-3.lan", "kill", "-0", "7"]
        )
        let pods = try NodeShell(parsing: "kubectl exec worker-{node} --")
        #expect(
            try pods.commandLine(["id"], on: Self.node(nil))
                == ["kubectl", "exec", "worker-3", "--", "id"]
        )
        #expect(try NodeShell.local.commandLine(["id"], on: Self.node("-x")) == ["id"])
    }

    @Test(
        "a name that a node chose is never an option or a word of the command",
        arguments: ["-oProxyCommand=touch /tmp/x", "a b", "a;b", "$(id)", "", nil, "/3", "ä"]
    )
    func hostile(name: String?) throws {
        let ssh = try NodeShell(parsing: "ssh {host}")
        #expect(throws: OobleckError.self) {
            try ssh.commandLine(["id"], on: Self.node(name))
        }
    }

    @Test("words that name no node are refused, and told what is missing", arguments: ["", "ssh"])
    func nameless(words: String) {
        let error = #expect(throws: OobleckError.self) { try NodeShell(parsing: words) }
        #expect(error?.message.contains("{host}") == true)
        #expect(error?.code == .usage)
    }
}
