import Foundation
import OobleckTestSupport
import Synchronization
import Testing

/// A program at a terminal of its own, which the test types on, reads and takes away.
final class TerminalRun {
    let pid: pid_t
    private var master: Int32
    private let screen = Screen()
    private var status: Int32?

    /// Variables that say that something else watches over a program.
    private static let supervisors = [
        "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "COBALT_JOBID", "KUBERNETES_SERVICE_HOST",
        "INVOCATION_ID",
    ]

    /// Starts a program; what it writes is read at once only if the terminal `isRead`.
    init(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        columns: UInt16 = 80,
        isRead: Bool = true
    ) throws {
        let slave: String
        (master, slave) = try PseudoTerminal.open()
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The leader of a session gets the first terminal that it opens as its own.
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, slave, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Whoever runs the tests may ignore signals, as under nohup; the program does not inherit it.
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        let newSession: Int16 = 0x80
        posix_spawnattr_setflags(&attributes, newSession | Int16(POSIX_SPAWN_SETSIGDEF))
        var variables = ProcessInfo.processInfo.environment
        for name in Self.supervisors { variables[name] = nil }
        variables.merge(environment) { $1 }
        var child: pid_t = 0
        let result = Self.withPointers([executable] + arguments) { argumentPointers in
            Self.withPointers(variables.map { "\($0.key)=\($0.value)" }) { variablePointers in
                posix_spawn(
                    &child,
                    executable,
                    &actions,
                    &attributes,
                    argumentPointers,
                    variablePointers
                )
            }
        }
        try #require(result == 0)
        pid = child
        if isRead { startReading() }
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            _ = end(within: 10)
        }
        hangUp()
    }

    /// What the program has written so far.
    var output: String { screen.text.withLock { $0 } }

    /// Somebody changes the size of the window.
    func resize(_ columns: UInt16) {
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// Types on the keyboard; `\u{3}` is Ctrl-C, `\u{13}` is Ctrl-S.
    func type(_ text: String) { _ = write(master, text, text.utf8.count) }

    func signal(_ number: Int32) { kill(pid, number) }

    /// The connection breaks.
    func hangUp() {
        guard master >= 0 else { return }
        close(master)
        master = -1
        screen.isGone.withLock { $0 = true }
    }

    /// The exit status, the negative number of a signal, or nothing when it does not end in time.
    func end(within seconds: TimeInterval) -> Int32? {
        _ = waitUntil(seconds) {
            var state: Int32 = 0
            guard status == nil, waitpid(pid, &state, WNOHANG) == pid else { return status != nil }
            status = state & 0x7f == 0 ? (state >> 8) & 0xff : -(state & 0x7f)
            return true
        }
        // The last words are on their way.
        if status != nil { usleep(100_000) }
        return status
    }

    private func startReading() {
        let descriptor = dup(master)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        // The copy keeps the terminal alive until the test hangs up.
        let thread = Thread { [screen] in
            defer { close(descriptor) }
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let ready = poll(&request, 1, 20)
                guard !screen.isGone.withLock({ $0 }) else { return }
                guard ready > 0 else { continue }
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { return }
                let new = String(decoding: buffer.prefix(count), as: UTF8.self)
                screen.text.withLock { $0 += new }
            }
        }
        thread.start()
    }

    /// What was written, for the thread that reads.
    private final class Screen: Sendable {
        let text = Mutex("")
        let isGone = Mutex(false)
    }

    private static func withPointers<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
