import Foundation

/// Standard output or standard error: written by a thread of its own, so that a paused terminal
/// (Ctrl-S) or a full pipe never delays code that only displays something.
///
/// No other code of the program writes to these descriptors.
// The condition protects the state.
package final class StandardStream: @unchecked Sendable {
    package static let output = StandardStream(STDOUT_FILENO, "standard output")
    package static let errors = StandardStream(STDERR_FILENO, "standard error")

    /// The stream, in words.
    package let name: String
    /// Whether it was a terminal at the first look; a closed terminal no longer looks like one.
    package let isTerminal: Bool
    private let descriptor: Int32
    private let condition = NSCondition()
    private var queue = OutputQueue()
    private var isWriting = false
    private var hasThread = false
    /// Why nothing is written any more.
    private var failure: OutputFailure?
    /// The newest error that may be temporary.
    private var passing: OutputFailure?
    private var onTerminalLost: (@Sendable () -> Void)?

    package init(_ descriptor: Int32, _ name: String) {
        self.descriptor = descriptor
        self.name = name
        isTerminal = isatty(descriptor) == 1
    }

    /// Calls `handler` once, when the terminal is found to be closed.
    package func watchTerminal(_ handler: @escaping @Sendable () -> Void) {
        condition.withLock { onTerminalLost = handler }
    }

    /// Shows something; returns at once.
    package func show(_ piece: OutputQueue.Piece) { condition.withLock { add(piece) } }

    /// Writes text, and returns when that is done or failed; nothing when it was written.
    ///
    /// With a `patience`, it returns after that number of seconds in any case.
    package func write(_ text: String, patience: TimeInterval? = nil) -> OutputFailure? {
        condition.lock()
        defer { condition.unlock() }
        passing = nil
        add(.result(text))
        settle(patience)
        return failure ?? passing
    }

    /// Waits until all is written, at most `patience` seconds.
    package func flush(patience: TimeInterval) { condition.withLock { settle(patience) } }

    /// Whether the stream still has a reader, as far as is known.
    package var hasReader: Bool {
        guard condition.withLock({ failure == nil }) else { return false }
        var request = pollfd(fd: descriptor, events: 0, revents: 0)
        guard poll(&request, 1, 0) > 0 else { return true }
        return Int32(request.revents) & (POLLERR | POLLHUP | POLLNVAL) == 0
    }

    /// Notes that the stream was closed before the program started.
    func markClosed() { condition.withLock { failure = .closed } }

    // MARK: With the lock held

    private func add(_ piece: OutputQueue.Piece) {
        guard failure == nil else { return }
        queue.add(piece)
        if !hasThread {
            hasThread = true
            let thread = Thread { self.work() }
            thread.stackSize = 128 << 10
            thread.name = "output"
            thread.start()
        }
        condition.broadcast()
    }

    private func settle(_ patience: TimeInterval?) {
        let end = patience.map { Date(timeIntervalSinceNow: $0) }
        while failure == nil, !queue.isEmpty || isWriting {
            guard let end else {
                condition.wait()
                continue
            }
            guard condition.wait(until: end) else { return }
        }
    }

    // MARK: The thread

    /// Writes what waits; ends with the process, or with the stream.
    private func work() {
        while let bytes = take() {
            let result = write(bytes)
            condition.lock()
            isWriting = false
            if let result { note(result) }
            let handler = failure == .terminalLost ? onTerminalLost : nil
            condition.broadcast()
            condition.unlock()
            handler?()
        }
    }

    private func note(_ result: OutputFailure) {
        guard !result.isPassing else {
            passing = result
            return
        }
        failure = result
        queue.removeAll()
    }

    /// Waits for bytes to write; nothing when the stream takes no more.
    private func take() -> [UInt8]? {
        condition.lock()
        defer { condition.unlock() }
        while failure == nil {
            if let bytes = queue.next() {
                isWriting = true
                return bytes
            }
            condition.wait()
        }
        return nil
    }

    /// Writes all bytes, however long that takes.
    private func write(_ bytes: [UInt8]) -> OutputFailure? {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress, $0.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Another program made the shared terminal non-blocking.
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&request, 1, 1000)
            default: return OutputFailure(errno: errno, isTerminal: isTerminal)
            }
        }
        return nil
    }
}
