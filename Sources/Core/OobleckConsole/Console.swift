import Foundation
import OobleckCore
import Synchronization

/// All output of the program to people and pipes.
///
/// - *Results* are what a command was asked for. They are written before it ends, and when they
///   cannot be it ends with status 74. A reader that leaves early is no failure.
/// - *Display* is what a run shows while it goes. It never holds anything up, and never fails.
/// - *Complaints* go to standard error, as one line; when that cannot be written, the exit status
///   still tells.
package enum Console {
    /// The longest time that the end of the program waits for a reader.
    private static let patience: TimeInterval = 3

    /// The text that complaints begin with.
    private static let program = Mutex("oobleck")

    /// Whether display goes to standard error: standard output is for results alone.
    private static let isDisplayApart = Mutex(false)

    private static var display: StandardStream {
        isDisplayApart.withLock { $0 } ? StandardStream.errors : StandardStream.output
    }

    /// Has all that is displayed go to standard error, so that what a program reads has results only;
    /// before anything is shown.
    package static func displayApart() { isDisplayApart.withLock { $0 = true } }

    /// The descriptor of the terminal or file that display goes to.
    static var displayDescriptor: Int32 {
        isDisplayApart.withLock { $0 } ? STDERR_FILENO : STDOUT_FILENO
    }

    /// Prepares the streams; once, before anything is opened or written.
    ///
    /// - Parameter program: What complaints begin with.
    package static func start(program: String = "oobleck") {
        Self.program.withLock { $0 = program }
        // A closed reader and an exceeded file size limit appear as failed writes, not as signals.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        // Otherwise the next file that is opened would receive the program's output.
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            let mode = descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY
            guard open("/dev/null", mode) == descriptor else { continue }
            if descriptor == STDOUT_FILENO { StandardStream.output.markClosed() }
            if descriptor == STDERR_FILENO { StandardStream.errors.markClosed() }
        }
    }

    /// Whether what is displayed goes to a terminal.
    package static var isTerminal: Bool { display.isTerminal }

    // MARK: Results

    /// Writes a result and a newline, and waits until it is written.
    ///
    /// Throws ``OobleckError/Code/storage`` with one line when it cannot be written.
    package static func result(_ text: String) throws {
        let output = StandardStream.output
        if let error = output.write(text + "\n")?.error(output.name) { throw error }
    }

    /// Writes the outcome of a run, which is also recorded elsewhere: never waits for a reader that
    /// does not read.
    ///
    /// Throws ``OobleckError/Code/storage`` with one line when there is no space for it.
    package static func report(_ text: String) throws {
        let output = StandardStream.output
        guard let failure = output.write(text + "\n", patience: patience), failure != .closed,
            let error = failure.error(output.name)
        else { return }
        throw error
    }

    /// Whether the results may still have a reader.
    package static var hasReader: Bool { StandardStream.output.hasReader }

    // MARK: Display

    /// Shows lines; returns at once.
    package static func show(_ text: String) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            display.show(.line(String(line)))
        }
    }

    /// Shows lines at the bottom of the terminal, in place of those before; returns at once.
    ///
    /// None may be wider than ``lineLimit``, as the terminal would break it.
    package static func showLive(_ text: String) { display.show(.live(text)) }

    /// Takes the live lines away.
    package static func clearLive() { display.show(.clear) }

    // MARK: Complaints and the end

    /// Prints one line about what went wrong.
    package static func complain(_ message: String) { complain(message, details: []) }

    /// Prints one line about what went wrong, and further ones below it.
    package static func complain(_ message: String, details: [String]) {
        StandardStream.output.flush(patience: patience)
        let prefix = program.withLock { $0 } + ": "
        let margin = String(repeating: " ", count: prefix.count)
        let lines = [prefix + lineForPeople(message)] + details.map { margin + $0 }
        note(lines.joined(separator: "\n"))
    }

    /// Prints one line on standard error.
    package static func note(_ line: String) {
        _ = StandardStream.errors.write(line + "\n", patience: patience)
    }

    /// Ends the program when all output is written or has no reader; at once unless it `waits`.
    package static func exit(_ status: Int32, waits: Bool = true) -> Never {
        StandardStream.output.flush(patience: waits ? patience : 0.1)
        Foundation.exit(status)
    }
}
