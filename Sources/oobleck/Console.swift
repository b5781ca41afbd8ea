import Foundation
import OobleckConsole

/// How things read.
extension Console {
    /// Columns that output keeps within.
    static let width = 80

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

    /// The value as JSON with sorted keys.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
