import Foundation
import OobleckCore
import OobleckTestSupport
import Testing

/// Real ssh hosts in namespaces of this machine, for one test (`Scripts/labs/ssh-hosts.sh`).
final class SSHHosts {
    /// Why none can be had here; `nil` when they can.
    static let obstacle: String? = {
        guard getuid() == 0 else { return "only root can make namespaces" }
        let tools = ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/bin/unshare"]
        for tool in tools where !FileManager.default.isExecutableFile(atPath: tool) {
            return "\(tool) is missing; Scripts/setup.sh --test-tools installs it"
        }
        do {
            let outcome = try call("probe", [], NSTemporaryDirectory())
            return outcome.status == 0 ? nil : "namespaces are not permitted: \(outcome.errors)"
        } catch {
            return "\(error)"
        }
    }()

    static var areAvailable: Bool { obstacle == nil }

    let folder: String
    private(set) var isUp = false
    private(set) var trouble = ""

    /// Starts `count` hosts, node1 and up.
    init(_ count: Int) throws {
        folder = NSTemporaryDirectory() + "oobleck-hosts-\(UUID().uuidString)"
        let outcome = try call("up", ["\(count)"])
        isUp = outcome.status == 0
        trouble = outcome.errors

    }

    deinit { _ = try? call("down", []) }

    private static let script = Checkout.path + "/Scripts/labs/ssh-hosts.sh"

    /// One action of the script, to its end.
    @discardableResult
    func call(_ action: String, _ arguments: [String]) throws -> Laboratory.Outcome {
        try Self.call(action, arguments, folder)
    }

    private static func call(
        _ action: String,
        _ arguments: [String],
        _ folder: String
    ) throws -> Laboratory.Outcome {
        try Running(
            "/bin/bash",
            [script, action, folder] + arguments,
            folder: NSTemporaryDirectory()
        ).wait(deadline: 60)
    }

    /// Starts a command where the hosts can be reached.
    func start(_ laboratory: Laboratory, _ arguments: [String]) throws -> Running {
        try Running(
            "/bin/bash",
            [Self.script, "run", folder, Laboratory.programs + "/oobleck"] + arguments,
            folder: laboratory.folder
        )
    }

    /// Processes of ours on all hosts.
    func agents(_ hosts: [Int]) throws -> [String] {
        try hosts.flatMap { host in
            try call("pids", ["\(host)"]).output.split(separator: "\n").map { "\(host): \($0)" }
        }
    }

    /// Puts a file where each host has its own, and this machine too.
    func place(_ text: String, _ name: String, on hosts: [Int]) throws {
        for part in ["data"] + hosts.map({ "node\($0)/data" }) {
            let path = "\(folder)/\(part)/\(name)"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
    }

    var dataPath: String { folder + "/data" }
}
