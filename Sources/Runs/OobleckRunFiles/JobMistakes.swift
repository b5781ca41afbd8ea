import OobleckCore

/// What is wrong with a job file, gathered while it is read, so that all of it is told at once.
///
/// A class: the sections of one file share it.
final class JobMistakes {
    private struct Mistake {
        /// `nil` for a key that is not there.
        let line: Int?
        let message: String
        /// Whether the command line is wrong, not the file.
        var isOption = false
    }

    private let file: String
    /// Keys that the command line gave, as `section.key`.
    private let options: Set<String>
    private var mistakes: [Mistake] = []
    /// Keys of which nothing more is to be said, as `section.key`.
    private var keys: Set<String> = []

    init(file: String, options: Set<String> = []) {
        self.file = file
        self.options = options
    }

    /// Notes a mistake at a line of the file.
    func add(line: Int?, _ message: String) {
        mistakes.append(Mistake(line: line, message: message))
    }

    /// Notes a mistake in a key's value; only the first one of a key is told.
    func add(line: Int?, path: String, _ message: String) {
        guard keys.insert(path).inserted else { return }
        guard !options.contains(path) else {
            let text = "--set \(path) \(message)"
            return mistakes.append(Mistake(line: nil, message: text, isOption: true))
        }
        add(line: line, "\(path) \(message)")
    }

    /// Says nothing of a key from now on.
    func excuse(_ path: String) { keys.insert(path) }

    /// Whether the key, as `section.key`, is known to be wrong.
    func has(_ path: String) -> Bool { keys.contains(path) }

    /// Throws `.inputData` with all mistakes, in the order of the file, what is missing last; `.usage`
    /// when the command line alone is wrong.
    func throwIfAny() throws {
        let ordered = mistakes.sorted { ($0.line ?? .max) < ($1.line ?? .max) }
        let lines = ordered.map { mistake in
            guard !mistake.isOption else { return mistake.message }
            let place = mistake.line.map { "\(file):\($0)" } ?? file
            return "\(place): \(mistake.message)"
        }
        guard let first = lines.first else { return }
        let code: OobleckError.Code = ordered.allSatisfy(\.isOption) ? .usage : .inputData
        throw OobleckError(code, first, details: Array(lines.dropFirst()))
    }
}
