import Foundation
import OobleckCore

/// A folder for the files of one fuzzing process, gone when nobody needs it.
package final class FuzzFolder: Sendable {
    package let path: String

    /// In memory where the machine has such a place.
    package init() throws {
        let memory = "/dev/shm"
        let base =
            FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
        path = base + "/oobleck-fuzz-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            // It is in a place that the system empties by itself.
        }
    }

    /// Writes a file without any ceremony.
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = path + "/" + name
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(file) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else { throw failure(file) }
            rest = rest.dropFirst(count)
        }
        return file
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    }

    private func failure(_ file: String) -> OobleckError {
        OobleckError(.internalFault, "cannot write \(file): \(String(cString: strerror(errno)))")
    }
}
