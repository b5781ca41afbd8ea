import Foundation
import OobleckCore

/// An empty file in the nearest folder above a path that exists: a host that sees it shares the folder.
struct SharedMark {
    let path: String

    /// Leaves the mark; `nil` where this process cannot write.
    init?(below path: String) throws {
        var folder = path
        while folder != "/", !FileManager.default.fileExists(atPath: folder) {
            folder = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        }
        self.path = "\(folder)/.oobleck-shared-\(UUID().uuidString)"
        guard FileManager.default.createFile(atPath: self.path, contents: nil) else { return nil }
    }

    func remove() { unlink(path) }
}
