/// Command lines as users type them, and messages for invalid ones.
package enum CommandLineText {
    /// The arguments with each negative number joined to the option before it, as `--steps=-3`.
    ///
    /// A number that starts with a hyphen would be parsed as an option.
    package static func joiningNegativeNumbers(_ arguments: [String]) -> [String] {
        var joined: [String] = []
        var isOver = false
        for argument in arguments {
            if let last = joined.last, !isOver, last.hasPrefix("--"), !last.contains("="),
                last.count > 2, isNegativeNumber(argument)
            {
                joined[joined.count - 1] = "\(last)=\(argument)"
            } else {
                isOver = isOver || argument == "--"
                joined.append(argument)
            }
        }
        return joined
    }

    private static func isNegativeNumber(_ text: String) -> Bool {
        guard text.hasPrefix("-") else { return false }
        let rest = text.dropFirst()
        return rest.first.map { $0.isNumber || $0 == "." } == true
            || ["inf", "infinity", "nan"].contains(rest.lowercased())
    }

    /// What to say of a command that is not known; `nil` if the first word is one, or an option.
    ///
    /// `program` is what comes before it: the program's name, or one with a command that has
    /// commands of its own.
    package static func unknownCommand(
        _ word: String?,
        program: String,
        among known: [String]
    ) -> String? {
        guard let word, !word.hasPrefix("-"), !known.contains(word) else { return nil }
        let near = NearestNames.of(word, among: known)
        let hint =
            near.isEmpty
            ? "\(program) --help lists them" : "did you mean \(near.joined(separator: " or "))?"
        return "there is no command \"\(word)\"; \(hint)"
    }

    /// A message of the argument parser in our terms, with what would be right.
    ///
    /// `command` is what to ask for help.
    package static func improved(_ message: String, command: String) -> String {
        if let value = badValue(message) { return value }
        let plain = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        let unknown = "Unknown option '"
        if plain.hasPrefix(unknown), !plain.contains("Did you mean") {
            return "\(plain); \(command) --help lists them"
        }
        return plain
    }

    /// `--seed is '-1'; it must be ...`, for `The value '-1' is invalid for '--seed <seed>'...`.
    private static func badValue(_ message: String) -> String? {
        let (start, middle) = ("The value '", "' is invalid for '")
        guard message.hasPrefix(start), let gap = message.firstRange(of: middle) else { return nil }
        let value = message[..<gap.lowerBound].dropFirst(start.count)
        let rest = message[gap.upperBound...]
        guard let quote = rest.firstIndex(of: "'") else { return nil }
        let option = rest[..<quote].prefix { $0 != " " }
        let reason = String(rest[quote...].dropFirst())
        return "\(option) is '\(value)'; \(wanted(String(value), reason))"
    }

    private static func wanted(_ value: String, _ reason: String) -> String {
        if reason.hasPrefix(": ") { return String(reason.dropFirst(2)) }
        let list = reason.split(separator: "'").enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }
        let lines = reason.split(whereSeparator: \.isNewline).dropFirst()
            .map { String($0.trimmingPrefix("  - ")) }
        let choices = lines.isEmpty ? list : lines
        guard choices.isEmpty else {
            let near = NearestNames.of(value, among: choices)
            let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
            return "it must be one of \(choices.joined(separator: ", "))\(hint)"
        }
        // Without a list the value is a number, and which kind follows from what was refused.
        guard let number = Double(value), number.isFinite else { return "it must be a number" }
        guard number >= 0 else { return "it must be a whole number, at least 0" }
        return number < 0x1p63
            ? "it must be a whole number" : "it must be a whole number, and a smaller one"
    }
}
