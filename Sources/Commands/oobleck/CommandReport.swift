import Foundation
import OobleckConsole
import OobleckSimulationCommands

/// What a command did, as one JSON object (`--format json`).
struct CommandReport: Encodable {
    /// One line for people.
    var message: String
    var node: Int?
    /// What was written, an absolute path.
    var path: String?
    var layers: Int?
    /// A page's address, with the token that opens it.
    var link: String?
    /// Runs that were removed, and those that were kept.
    var removed: [String]?
    var kept: [String]?
    /// What would be written, with its contents.
    var files: [WrittenFile]?
    var microbatchSeconds: Double?

    private enum CodingKeys: String, CodingKey {
        case message
        case node
        case path
        case layers
        case link
        case removed
        case kept
        case files
        case microbatchSeconds = "microbatch_seconds"
    }

    /// A file that a command writes.
    struct WrittenFile: Encodable {
        var path: String
        var text: String
    }

    /// The message, or all of it as JSON.
    func text(_ format: OutputFormat) throws -> String {
        format == .json ? try Console.json(self) : message
    }
}

extension String {
    /// The path that this one means from the current folder.
    var absolutePath: String { URL(fileURLWithPath: self).standardizedFileURL.path }
}
