import Foundation

/// Public preemption traces, each with the notice of its licence beside it.
public enum PublicTraces {
    private static let tests = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Those of the paper's evaluation.
    private static let paper = tests.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples/artifact/traces")

    /// One of each other format.
    private static let others = tests.appendingPathComponent("Traces")

    /// The path of a file of the paper's evaluation.
    public static func paper(_ name: String) -> String { paper.appendingPathComponent(name).path }

    /// The path of any of them.
    public static func path(_ name: String) -> String {
        let path = paper(name)
        guard !FileManager.default.fileExists(atPath: path) else { return path }
        return others.appendingPathComponent(name).path
    }

    /// The paths of all; also of those in the folder that `OOBLECK_TRACES` names.
    public static func all() throws -> [String] {
        var folders = [paper, others]
        if let more = ProcessInfo.processInfo.environment["OOBLECK_TRACES"] {
            folders.append(URL(fileURLWithPath: more))
        }
        return try folders.flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".csv") || $0.hasSuffix(".txt") }.sorted()
                .map { folder.appendingPathComponent($0).path }
        }
    }
}
