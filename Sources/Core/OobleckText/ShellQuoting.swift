extension String {
    /// The text as one word of a POSIX shell's command line.
    ///
    /// Words that a shell leaves alone stay as they are; others are quoted, with `$'...'` where they
    /// hold control characters. A leading hyphen, which a program would take for an option, gets `./`
    /// before it: all words that we suggest are paths.
    package var shellQuoted: String {
        if hasPrefix("-") { return "./\(self)".shellQuoted }
        let plain = Set("@%+=:,./-_")
        func isPlain(_ character: Character) -> Bool {
            character.isLetter || character.isNumber || plain.contains(character)
        }
        if !isEmpty, allSatisfy(isPlain) { return self }
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            return "'" + replacing("'", with: "'\\''") + "'"
        }
        let escaped = unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\n": return "\\n"
            case "\t": return "\\t"
            case "'", "\\": return "\\\(scalar)"
            default:
                guard scalar.properties.generalCategory == .control else { return String(scalar) }
                let digits = String(scalar.value, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return "$'" + escaped.joined() + "'"
    }
}
