import Foundation

/// What people see.
enum Console {
    /// Columns that output keeps within.
    static let width = 80

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Prints now, also into a pipe.
    static func show(_ text: String, terminator: String = "\n") {
        print(text, terminator: terminator)
        fflush(nil)
    }

    /// Prints one line about what went wrong, and further ones below it.
    static func complain(_ message: String, details: [String] = []) {
        let prefix = "oobleck: "
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        let margin = String(repeating: " ", count: prefix.count)
        let lines = [prefix + line] + details.map { margin + $0 }
        FileHandle.standardError.write(Data((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// Breaks a text between words into lines of at most ``width``, all but the first indented.
    static func wrapped(_ text: String, indent: Int = 4) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count >= width {
                lines.append(line)
                line = String(repeating: " ", count: indent) + word
            } else {
                line += line.isEmpty ? String(word) : " \(word)"
            }
        }
        return (lines + [line]).joined(separator: "\n")
    }

    /// A number with `digits` decimals.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }

    /// A count with the unit thousand or million.
    static func short(_ value: Double) -> String {
        switch value {
        case 1e6...: decimal(value / 1e6, 1) + "M"
        case 1e4...: decimal(value / 1e3, 1) + "k"
        default: decimal(value, 0)
        }
    }

    /// A length of time as `1:23` or `2:01:23`.
    static func clock(seconds: Double) -> String {
        let whole = Int(max(0, seconds.isFinite ? seconds : 0).rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest)
            : String(format: "%d:%02d", minutes, rest)
    }

    /// A time of day, for a moment in seconds since 1970; with its date when that is not today's.
    static func time(_ moment: Double) -> String {
        var (then, now) = (time_t(moment), Foundation.time(nil))
        var (parts, today) = (tm(), tm())
        localtime_r(&then, &parts)
        localtime_r(&now, &today)
        let isToday = parts.tm_yday == today.tm_yday && parts.tm_year == today.tm_year
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, text.count, isToday ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &parts)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    }

    /// The value as JSON with sorted keys.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
