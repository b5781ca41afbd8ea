import Foundation
import OobleckClock
import OobleckCore
import OobleckTransport
import Synchronization

/// A program on a host, started over ssh, and what is said to it and by it.
///
/// Ends with its standard input: with ``end()``, and with this process, however that dies.
package final class RemoteSession: Sendable {
    /// Bytes of a line, and of what is kept of standard error.
    private static let longestLine = 64 << 20
    private static let mostErrors = 16 << 10

    private struct State {
        var lines = LineBuffer(longest: longestLine)
        var errorLines = LineBuffer(longest: mostErrors)
        var errors = ""
        var hasGreeted = false
    }

    /// Who is told of lines that are no answers: what a node prints.
    package typealias Listener = @Sendable (String) -> Void

    private let host: HostEntry
    private let program: String
    private let process: ChildProcess
    /// Lines of standard output; ends with the process.
    private let lines: AsyncStream<String>
    private let state: Shared

    private final class Shared: Sendable {
        let state = Mutex(State())
        let listener: Listener
        let continuation: AsyncStream<String>.Continuation

        init(_ listener: @escaping Listener, _ continuation: AsyncStream<String>.Continuation) {
            self.listener = listener
            self.continuation = continuation
        }

        func output(_ bytes: [UInt8]) {
            for line in state.withLock({ $0.lines.add(bytes) }) { continuation.yield(line) }
        }

        func errors(_ bytes: [UInt8]) {
            let lines = state.withLock { state in
                let lines = state.errorLines.add(bytes)
                for line in lines where state.errors.utf8.count < mostErrors {
                    state.errors += line + "\n"
                }
                return lines
            }
            for line in lines { listener(line) }
        }

        func end() {
            let (line, error) = state.withLock { ($0.lines.end(), $0.errorLines.end()) }
            if let line { continuation.yield(line) }
            if let error {
                state.withLock { $0.errors += error + "\n" }
                listener(error)
            }
            continuation.finish()
        }
    }

    /// Starts `program remote` on a host.
    ///
    /// `onErrors` is told of each line of standard error. Throws one line when ssh itself cannot be
    /// started.
    package init(
        _ host: HostEntry,
        options: SSHOptions,
        program: String,
        onErrors: @escaping Listener = { _ in }
    ) throws {
        self.host = host
        self.program = program
        let (lines, continuation) = AsyncStream.makeStream(
            of: String.self,
            bufferingPolicy: .bufferingNewest(10_000)
        )
        self.lines = lines
        let shared = Shared(onErrors, continuation)
        state = shared
        guard access(options.executable, X_OK) == 0 else {
            throw OobleckError(
                .usage,
                "\(options.executable) is not there; install the OpenSSH client"
            )
        }
        process = try ChildProcess.spawn(
            options.executable,
            options.arguments(host, command: [program, "remote"]),
            group: .own,
            holdsInput: true,
            logPath: nil,
            readers: ChildReaders(output: shared.output, errors: shared.errors)
        ) { _ in shared.end() }
    }

    /// Ends the program: its input ends.
    package func end() { process.closeInput() }

    /// Ends ssh at once, and so the connection.
    package func kill() { process.signalGroup(SIGKILL) }

    /// Whether ssh still runs.
    package var isRunning: Bool { process.exitStatus == nil }

    /// How ssh ended: `nil` while it runs, and an exit status of `nil` for a signal.
    package var exit: (status: Int32?, isInOrder: Bool)? {
        switch process.exitStatus {
        case nil: nil
        case .status(let status)?: (status, status == 0)
        case .signal?: (nil, false)
        }
    }

    /// Returns once ssh has ended, at the latest at `deadline`; true when it has.
    package func waitUntilExit(deadline: Seconds) async throws -> Bool {
        try await process.waitUntilExit(deadline: deadline)
    }

    /// Why the session ended, or cannot continue.
    package var failure: SSHFailure {
        let (errors, hasStarted) = state.state.withLock { ($0.errors, $0.hasGreeted) }
        return SSHFailure(
            status: exit.map(\.status) ?? 255,
            errors: errors,
            program: program,
            host: host,
            hasStarted: hasStarted
        )
    }

    /// What the program says first.
    ///
    /// Throws ``RemoteTrouble`` when it does not within `time`, or is of another version.
    package func greeting(within time: Seconds) async throws -> RemoteGreeting {
        let text = try await line(within: time)
        let greeting: RemoteGreeting
        do {
            greeting = try JSONDecoder().decode(RemoteGreeting.self, from: Data(text.utf8))
        } catch {
            throw RemoteTrouble.other(
                "\(program) does not greet as this version does (it says "
                    + "\"\(lineForPeople(String(text.prefix(80))))\"); install \(programVersion) there, "
                    + "and have its shell print nothing when it starts"
            )
        }
        state.state.withLock { $0.hasGreeted = true }
        guard greeting.version == programVersion else {
            throw RemoteTrouble.version(greeting.version)
        }
        return greeting
    }

    /// Asks something, and returns the answer.
    package func ask(_ request: RemoteRequest, within time: Seconds) async throws -> RemoteReply {
        try await tell(request, within: time)
        let text = try await line(within: time)
        do {
            return try JSONDecoder().decode(RemoteReply.self, from: Data(text.utf8))
        } catch {
            throw RemoteTrouble.other("\(program) answers with something else: \(oneLineOf(text))")
        }
    }

    /// Says something that has no answer.
    package func tell(_ request: RemoteRequest, within time: Seconds) async throws {
        let bytes = Array(try JSONEncoder().encode(request)) + [UInt8(ascii: "\n")]
        guard try await process.write(bytes, deadline: MonotonicTime.now + time) else {
            throw RemoteTrouble.connection(failure)
        }
    }

    /// Hands all that the program prints from now on to `listener`, until it ends.
    package func follow(_ listener: Listener) async {
        for await line in lines { listener(line) }
    }

    private func line(within time: Seconds) async throws -> String {
        let lines = lines
        let text = try await withThrowingTaskGroup(of: String?.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await line in lines { return line }
                return nil
            }
            group.addTask {
                try await Task.sleep(for: Duration(time))
                throw RemoteTrouble.silent(time)
            }
            return try await group.next() ?? nil
        }
        if let text { return text }
        // Its last words come with its end.
        _ = try await process.waitUntilExit(deadline: MonotonicTime.now + 2)
        throw RemoteTrouble.connection(failure)
    }

    private func oneLineOf(_ text: String) -> String { lineForPeople(String(text.prefix(200))) }
}

/// What went wrong with a program on a host.
package enum RemoteTrouble: Error, Hashable, Sendable {
    case connection(SSHFailure)
    /// It is of this version.
    case version(String)
    /// It said nothing for so long.
    case silent(Seconds)
    case other(String)

    /// In words, without the host's name.
    package var text: String {
        switch self {
        case .connection(let failure): failure.text
        case .version(let version):
            "its oobleck is version \(version), this one is \(programVersion); install the same on both"
        case .silent(let time):
            "did not answer within \(Int(time.value.rounded(.up))) s; is it overloaded, or its shell "
                + "waiting for input?"
        case .other(let text): text
        }
    }

    /// Whether it may be fine later without anybody's help.
    package var mayPass: Bool {
        switch self {
        case .connection(let failure): failure.mayPass
        case .silent: true
        case .version, .other: false
        }
    }
}
