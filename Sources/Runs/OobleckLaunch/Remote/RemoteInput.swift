import Foundation
import OobleckClock
import OobleckCore
import Synchronization

/// The standard input of a program that a launcher started over ssh: its requests, and the sign that it
/// is still there.
///
/// One thread reads. When the input ends, the launcher or the connection is gone, and the process ends at
/// once with status 75, after `cleanUp`.
final class RemoteInput: Sendable {
    /// The longest request: a job with a model of many layers.
    private static let longestLine = 64 << 20

    /// The requests, in order.
    let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation
    private let cleanUp = Mutex<(@Sendable () -> Void)?>(nil)

    /// Starts to read.
    init() throws {
        (lines, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(16))
        try SystemThread.start(stackBytes: 256 << 10) { self.read() }
    }

    /// What is to be done before the process ends with its input; replaces what was to be done before.
    func setCleanUp(_ body: @escaping @Sendable () -> Void) { cleanUp.withLock { $0 = body } }

    private func read() {
        var lines = LineBuffer(longest: Self.longestLine)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Foundation.read(STDIN_FILENO, &buffer, buffer.count)
            if count > 0 {
                for line in lines.add(buffer[..<count]) { continuation.yield(line) }
            } else if count == 0 || errno != EINTR {
                break
            }
        }
        continuation.finish()
        cleanUp.withLock { $0 }?()
        _exit(OobleckError.Code.outOfNodes.exitStatus)
    }
}
