import OobleckCore
import OobleckText

/// How hosts are reached: the arguments of the system's ssh.
///
/// Host keys are always checked and nothing is ever asked: those options come first, and ssh takes the
/// first value of each.
package struct SSHOptions: Hashable, Sendable {
    /// The program.
    package var executable = "/usr/bin/ssh"
    /// A file to read instead of the user's `~/.ssh/config`.
    package var configPath: String?
    /// Further settings as `Name=value`, or arguments that begin with a hyphen.
    package private(set) var extra: [String] = []
    /// The longest time to connect.
    package var connectTimeout: Seconds = 10

    package init() {}

    /// With settings that somebody gave with `--ssh-option`.
    ///
    /// Throws `.usage` for those that would have host keys go unchecked, or passwords asked for.
    package init(configPath: String?, extra: [String]) throws {
        self.configPath = configPath
        for option in extra {
            let name = option.split(whereSeparator: { $0 == "=" || $0 == " " }).first ?? ""
            let lower = name.lowercased()
            let fixed = ["stricthostkeychecking", "batchmode", "controlmaster", "controlpath"]
            if let hit = fixed.first(where: { lower == $0 || lower == "-o\($0)" }) {
                let why =
                    hit == "stricthostkeychecking"
                    ? "host keys are always checked; add the keys of the hosts to a known_hosts file "
                        + "(UserKnownHostsFile=FILE names another)"
                    : "launch sets it itself"
                throw OobleckError(.usage, "--ssh-option \(option) cannot be given: \(why)")
            }
            guard option.hasPrefix("-") || option.contains("=") else {
                throw OobleckError(
                    .usage,
                    "--ssh-option is \"\(option)\"; it must be Name=value, as in "
                        + "IdentityFile=~/.ssh/cluster, or an argument of ssh that begins with -"
                )
            }
        }
        self.extra = extra
    }

    /// What ssh is called with to run `command` on a host.
    package func arguments(_ host: HostEntry, command: [String]) -> [String] {
        let fixed = [
            "BatchMode=yes", "StrictHostKeyChecking=yes", "ControlMaster=no", "ControlPath=none",
            "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "PermitLocalCommand=no",
            "RemoteCommand=none", "RequestTTY=no",
        ]
        let timing = [
            "ConnectTimeout=\(max(1, Int(connectTimeout.value.rounded(.up))))",
            "ConnectionAttempts=1", "ServerAliveInterval=15", "ServerAliveCountMax=8",
            "LogLevel=ERROR",
        ]
        var arguments: [String] = []
        if let configPath { arguments += ["-F", configPath] }
        for option in fixed { arguments += ["-o", option] }
        for option in extra { arguments += option.hasPrefix("-") ? [option] : ["-o", option] }
        for option in timing { arguments += ["-o", option] }
        if let port = host.port { arguments += ["-p", "\(port)"] }
        arguments += ["--", host.destination]
        return command.isEmpty
            ? arguments : arguments + [command.map(\.shellQuoted).joined(separator: " ")]
    }
}
