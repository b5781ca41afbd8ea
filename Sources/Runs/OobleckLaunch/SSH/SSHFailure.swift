import OobleckCore

/// Why a program on another machine did not start, or why its connection ended, by what ssh says.
package struct SSHFailure: Hashable, Sendable {
    /// What kind of trouble it is.
    package enum Kind: Hashable, Sendable {
        /// The host does not answer: it may come back by itself.
        case unreachable
        /// Its key is not the one that is known.
        case hostKeyChanged
        /// Its key is not known at all.
        case hostKeyUnknown
        /// It does not let us in.
        case permission
        /// Its name stands for no address.
        case name
        /// The program is not there, or cannot be executed.
        case program
        /// The program started, and ended.
        case ended
    }

    package let kind: Kind
    /// What happened and what would help; one line without the host's name.
    package let text: String

    /// Whether the host may be fine later without anybody's help.
    package let mayPass: Bool

    /// From the end of ssh.
    ///
    /// - Parameters:
    ///   - status: Its exit status; `nil` when a signal ended it.
    ///   - errors: What it and the program wrote to standard error.
    ///   - program: What was to be started there.
    ///   - host: As ssh was told.
    ///   - hasStarted: Whether the program was heard before.
    package init(
        status: Int32?,
        errors: String,
        program: String,
        host: HostEntry,
        hasStarted: Bool = false
    ) {
        // It was told that it cannot take part: its version, its data, its arguments.
        let isHopeless = [OobleckError.Code.usage, .inputData].contains { $0.exitStatus == status }
        let lines = errors.split(whereSeparator: \.isNewline)
            .map { $0.trimmingPrefix { $0.isWhitespace } }
        let last = lines.last { !$0.isEmpty }.map { lineForPeople(String($0.prefix(300))) }
        func says(_ texts: String...) -> Bool { texts.contains { errors.contains($0) } }
        let port = host.port.map { " -p \($0)" } ?? ""
        let login = "ssh\(port) \(host.destination)"
        switch status {
        case 127?, 126?:
            kind = .program
            let what = status == 127 ? "is not there" : "cannot be executed"
            text =
                "\(program) \(what); install the same version there, or name it with "
                + "--remote-program"
        case 255?, nil:
            if hasStarted {
                kind = .unreachable
                text = "the connection to it ended" + (last.map { " (\($0))" } ?? "")
            } else if says("REMOTE HOST IDENTIFICATION HAS CHANGED", "has changed and you have") {
                kind = .hostKeyChanged
                text =
                    "its host key is not the one that is known; if the machine was set up anew, run "
                    + "ssh-keygen -R and accept the new key by \(login)"
            } else if says("Host key verification failed", "host key is known for") {
                kind = .hostKeyUnknown
                text = "its host key is not known; run \(login) once and compare the fingerprint"
            } else if says("Permission denied", "Too many authentication failures") {
                kind = .permission
                text =
                    "it does not let us in; add your public key to its authorized_keys (ssh-copy-id), "
                    + "and try \(login)"
            } else if says("Could not resolve", "Name or service not known") {
                kind = .name
                text = "its name stands for no address; correct it, or write address and port"
            } else {
                kind = .unreachable
                text =
                    "not reachable (\(last ?? "ssh ended without a word")); is it up, and sshd there?"
            }
        case let status?:
            kind = .ended
            text = "\(program) ended with status \(status)" + (last.map { ": \($0)" } ?? "")
        }
        mayPass = kind == .unreachable || kind == .name || kind == .ended && !isHopeless
    }
}
