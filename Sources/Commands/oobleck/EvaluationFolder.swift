import Foundation
import OobleckArtifact
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRuntime

/// Where an evaluation writes: its page, its checks, and the run directories of what it trained.
struct EvaluationFolder {
    let path: String

    init(_ path: String) { self.path = URL(fileURLWithPath: path).standardizedFileURL.path }

    var pagePath: String { path + "/index.html" }

    /// Makes the folder.
    ///
    /// Throws one line.
    func prepare() throws {
        var isFolder: ObjCBool = true
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue
        {
            throw OobleckError(.storage, "\(path) is a file; give the name of a folder")
        }
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
        } catch {
            throw OobleckError(
                .storage,
                "cannot make the folder \(path): \(error.localizedDescription)"
            )
        }
    }

    /// A folder for the run directories of this evaluation; earlier ones stay.
    func newRunsPath() -> String {
        let name = URL(fileURLWithPath: RunRequest.newRunPath("training")).lastPathComponent
        return "\(path)/\(name)"
    }

    /// Writes the page and the checks.
    func write(_ parts: [ArtifactPart], _ provenance: [(name: String, value: String)]) throws {
        let page = ArtifactPage(parts: parts, provenance: provenance)
        try AtomicFile.write(Array(page.html.utf8), to: pagePath, durably: false)
        let checks = parts.map { part in
            PartRecord(
                part: part.number,
                title: part.title,
                passed: part.isPassed,
                seconds: part.seconds,
                checks: part.checks
            )
        }
        let text = try Console.json(checks) + "\n"
        try AtomicFile.write(Array(text.utf8), to: path + "/checks.json", durably: false)
    }

    /// A part in `checks.json`.
    private struct PartRecord: Encodable {
        let part: Int
        let title: String
        let passed: Bool
        let seconds: Double
        let checks: [ArtifactCheck]
    }
}
