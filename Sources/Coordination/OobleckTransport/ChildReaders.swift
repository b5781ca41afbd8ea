import Dispatch
import Foundation
import OobleckClock
import OobleckCore

/// Who reads what a process of ours prints: each stream has a thread that reads it to its end, so that
/// the process never waits for us.
package struct ChildReaders: Sendable {
    /// How long the end of a stream is waited for once the process has ended: what it started itself
    /// may hold it open.
    private static let patience = DispatchTimeInterval.seconds(1)

    let output: @Sendable ([UInt8]) -> Void
    let errors: @Sendable ([UInt8]) -> Void

    /// Readers of both streams; each is called from a thread of its own, and must not wait for long.
    package init(
        output: @escaping @Sendable ([UInt8]) -> Void,
        errors: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.output = output
        self.errors = errors
    }

    /// Two pipes: their ends are one process's standard output and standard error.
    func open() throws -> Streams {
        let output = try ChildProcess.makePipe()
        do {
            return Streams(readers: self, output: output, errors: try ChildProcess.makePipe())
        } catch {
            close(output.read)
            close(output.write)
            throw error
        }
    }

    /// The pipes of one process.
    struct Streams: Sendable {
        fileprivate let readers: ChildReaders
        fileprivate let output: (read: Int32, write: Int32)
        fileprivate let errors: (read: Int32, write: Int32)
        private let group = DispatchGroup()

        fileprivate init(
            readers: ChildReaders,
            output: (read: Int32, write: Int32),
            errors: (read: Int32, write: Int32)
        ) {
            self.readers = readers
            self.output = output
            self.errors = errors
        }

        var childEnds: (output: Int32, errors: Int32) { (output.write, errors.write) }

        /// The process has its own copies, or was not started.
        func closeChildEnds() {
            close(output.write)
            close(errors.write)
        }

        /// Starts the threads, which close our ends.
        func startReading() throws {
            try start(output.read, readers.output)
            try start(errors.read, readers.errors)
        }

        /// Returns once all is read, or nothing more can be expected.
        func waitForEnd() { _ = group.wait(timeout: .now() + ChildReaders.patience) }

        private func start(
            _ descriptor: Int32,
            _ reader: @escaping @Sendable ([UInt8]) -> Void
        ) throws {
            group.enter()
            try SystemThread.start(stackBytes: 256 << 10) { [group] in
                defer {
                    close(descriptor)
                    group.leave()
                }
                var buffer = [UInt8](repeating: 0, count: 64 << 10)
                while true {
                    let count = read(descriptor, &buffer, buffer.count)
                    if count > 0 {
                        reader(Array(buffer[..<count]))
                    } else if count == 0 || errno != EINTR {
                        return
                    }
                }
            }
        }
    }
}
