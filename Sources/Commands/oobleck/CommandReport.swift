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
    var microbatchSeconds: Double?

    private enum CodingKeys: String, CodingKey {
        case message
        case node
        case path
        case layers
        case microbatchSeconds = "microbatch_seconds"
    }

    /// The message, or all of it as JSON.
    func text(_ format: OutputFormat) throws -> String {
        format == .json ? try Console.json(self) : message
    }
}
