import Foundation
import OobleckClock
import OobleckCore
import Synchronization

/// A process that we started: signals go to it as long as it is not reaped, so that they never hit
/// a stranger with its number, and its end is seen at once.
package final class ChildProcess: Sendable {
    /// How a process ended.
    package enum Exit: Hashable, Sendable, CustomStringConvertible {
        case status(Int32)
        case signal(Int32)

        package var description: String {
            switch self {
            case .status(let status): "exited with status \(status)"
            case .signal(let number): "was killed by signal \(number) (\(Self.name(number)))"
            }
        }

        private static func name(_ signal: Int32) -> String { String(cString: strsignal(signal)) }
    }

    /// Where a process stands among the others.
    package enum Group: Sendable {
        /// In its parent's process group.
        case parents
        /// At the head of a group of its own.
        case own
    }

    package let pid: pid_t
    private let leadsGroup: Bool
    private let exit = Mutex<Exit?>(nil)
    /// Our end of its standard input; closed when we end, however that is.
    private let inputDescriptor: Mutex<Int32?>

    private init(pid: pid_t, leadsGroup: Bool, inputDescriptor: Int32?) {
        self.pid = pid
        self.leadsGroup = leadsGroup
        self.inputDescriptor = Mutex(inputDescriptor)
    }

    deinit { closeInput() }

    /// How it ended; `nil` while it lives.
    package var exitStatus: Exit? { exit.withLock { $0 } }

    /// Sends a signal to the process; false when it is gone.
    @discardableResult
    package func signal(_ number: Int32) -> Bool {
        exit.withLock { $0 == nil && kill(pid, number) == 0 }
    }

    /// Sends a signal to the process and all of its group; false when it is gone.
    @discardableResult
    package func signalGroup(_ number: Int32) -> Bool {
        precondition(leadsGroup, "process \(pid) has no group of its own")
        return exit.withLock { $0 == nil && kill(-pid, number) == 0 }
    }

    /// The environment of a process that computes for this level of the processor, with one thread: the
    /// node is the unit of parallelism.
    package static func computing(at level: CPULevel?) -> [String: String] {
        ["OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"].merging(level?.environment ?? [:]) { $1 }
    }

    /// Starts a process.
    ///
    /// It inherits nothing but its standard streams. When it crashes it ends at once: unless
    /// SWIFT_BACKTRACE is set, it does not stay for a backtrace first, which can take a minute in which
    /// everybody waits for it. Its input is a pipe that we hold and never
    /// write to by ourselves, or empty; its output and errors are appended to `logPath`, go to `readers`,
    /// or go where ours go.
    /// `onExit` is called from a thread of its own once it ended; a process with a group of its
    /// own takes what is left of the group with it. Throws one line when it cannot be started.
    package static func spawn(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        group: Group,
        holdsInput: Bool,
        logPath: String?,
        readers: ChildReaders? = nil,
        onExit: @escaping @Sendable (Exit) -> Void = { _ in }
    ) throws -> ChildProcess {
        var pipes: (read: Int32, write: Int32)?
        if holdsInput { pipes = try makePipe() }
        defer { if let pipes { close(pipes.read) } }
        // The threads that read end with the pipes, also when no process is started.
        let streams = try readers.map { try $0.open() }
        defer { streams?.closeChildEnds() }
        do {
            try streams?.startReading()
            let pid = try SpawnAttributes.spawn(
                executable,
                arguments,
                environment: Self.inherited.merging(environment) { $1 },
                inputDescriptor: pipes?.read,
                outputs: streams?.childEnds,
                logPath: logPath,
                newGroup: group == .own
            )
            let child = ChildProcess(
                pid: pid,
                leadsGroup: group == .own,
                inputDescriptor: pipes?.write
            )
            do {
                try SystemThread.start(stackBytes: 256 << 10) {
                    child.watch { exit in
                        streams?.waitForEnd()
                        onExit(exit)
                    }
                }
            } catch {
                // Nobody would see its end.
                kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
                throw error
            }
            return child
        } catch {
            if let pipes { close(pipes.write) }
            throw error
        }
    }

    /// Ends its standard input, which tells it that we want no more of it.
    package func closeInput() {
        inputDescriptor.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }

    /// Writes to its standard input, which must be held; false when it does not read by `deadline`, or
    /// is gone.
    package func write(_ bytes: [UInt8], deadline: Seconds) async throws -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = inputDescriptor.withLock { descriptor -> Int in
                guard let descriptor else { return -1 }
                _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
                let count = rest.withUnsafeBytes {
                    Foundation.write(descriptor, $0.baseAddress, $0.count)
                }
                return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : count
            }
            guard count >= 0 else { return false }
            rest = rest.dropFirst(count)
            guard !rest.isEmpty else { break }
            guard MonotonicTime.now < deadline else { return false }
            if count == 0 { try await Task.sleep(for: .milliseconds(2)) }
        }
        return true
    }

    /// Returns once it ended, at the latest at `deadline`; true when it ended.
    package func waitUntilExit(deadline: Seconds) async throws -> Bool {
        while exitStatus == nil {
            guard MonotonicTime.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(2))
        }
        return true
    }

    /// Our environment, in which a crash is a crash.
    private static var inherited: [String: String] {
        ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { own, _ in
            own
        }
    }

    private func watch(_ onExit: (Exit) -> Void) {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0 {
            guard errno == EINTR else { break }
        }
        // Its number is still taken: the group is surely its own.
        if leadsGroup { kill(-pid, SIGKILL) }
        let result = exit.withLock { exit in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            let result = signal == 0 ? Exit.status((status >> 8) & 0xff) : .signal(signal)
            exit = result
            return result
        }
        onExit(result)
    }

    static func makePipe() throws -> (read: Int32, write: Int32) {
        var descriptors: [Int32] = [-1, -1]
        guard pipe(&descriptors) == 0 else {
            throw OobleckError(.internalFault, "cannot open a pipe: \(systemError())")
        }
        return (descriptors[0], descriptors[1])
    }
}

/// The arguments of `posix_spawn`.
private enum SpawnAttributes {
    static func spawn(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        inputDescriptor: Int32?,
        outputs: (output: Int32, errors: Int32)?,
        logPath: String?,
        newGroup: Bool
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let inputDescriptor {
            posix_spawn_file_actions_adddup2(&actions, inputDescriptor, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        if let outputs {
            posix_spawn_file_actions_adddup2(&actions, outputs.output, STDOUT_FILENO)
            posix_spawn_file_actions_adddup2(&actions, outputs.errors, STDERR_FILENO)
        } else if let logPath {
            let flags = O_WRONLY | O_CREAT | O_APPEND
            // A node works without a log, on a full disk for instance.
            let path = canOpen(logPath, flags) ? logPath : "/dev/null"
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path, flags, 0o644)
            posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        }
        // An inherited socket would stay open, and hide our death from the other side.
        try closeFrom(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        if newGroup { flags |= POSIX_SPAWN_SETPGROUP }
        posix_spawnattr_setflags(&attributes, Int16(flags))
        posix_spawnattr_setpgroup(&attributes, 0)
        var signals = sigset_t()
        sigemptyset(&signals)
        // A request to save must not kill a program that is not ready for it.
        sigaddset(&signals, SIGUSR1)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)

        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let status = withCStrings([executable] + arguments) { argumentPointers in
            withCStrings(variables) { variablePointers in
                posix_spawn(
                    &pid,
                    executable,
                    &actions,
                    &attributes,
                    argumentPointers,
                    variablePointers
                )
            }
        }
        guard status == 0 else {
            throw OobleckError(.internalFault, "cannot start \(executable): \(systemError(status))")
        }
        return pid
    }

    private static func canOpen(_ path: String, _ flags: Int32) -> Bool {
        let descriptor = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }

    private typealias CloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// Has the child close all descriptors from `first` up.
    ///
    /// The C library has had the call since 2.34, but hides it from Swift's import.
    private static func closeFrom(
        _ actions: inout posix_spawn_file_actions_t,
        _ first: Int32
    ) throws {
        let name = "posix_spawn_file_actions_addclosefrom_np"
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), name) else {
            throw OobleckError(.internalFault, "the C library lacks \(name); it must be 2.34 or up")
        }
        // The type is that of the C library's declaration in <spawn.h>.
        _ = unsafeBitCast(symbol, to: CloseFrom.self)(&actions, first)
    }

    /// The strings as C wants them, valid during `body`.
    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
