import Foundation

@testable import OobleckSimulator

/// The public preemption traces, where they are present beside the checkout.
enum PublicTraces {
    static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("shared/traces")

    static let isPresent = FileManager.default.fileExists(atPath: folder.path)

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    static func read(_ name: String) throws -> PreemptionTrace {
        try TraceReader(path: path(name)).read()
    }

    /// Every trace file below the folder, in order.
    static func files() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".csv") || $0.hasSuffix(".txt") }.sorted()
    }
}
