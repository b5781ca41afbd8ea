import Foundation
import OobleckCore
import OobleckText

/// How things read.
extension Console {
    /// Columns of a page that goes to a file or a pipe.
    private static let pageColumns = 80

    /// How wide the place of display is now: people change the size of their windows.
    private static var width: OutputWidth {
        var size = winsize()
        let isKnown = ioctl(displayDescriptor, UInt(TIOCGWINSZ), &size) == 0
        return OutputWidth(
            isTerminal: isTerminal,
            terminalColumns: isKnown ? Int(size.ws_col) : 0,
            variable: ProcessInfo.processInfo.environment["COLUMNS"]
        )
    }

    /// The most columns of a line; `nil`, in files and pipes, is any number.
    package static var lineLimit: Int? { width.limit }

    /// Whether the terminal shows more than ASCII, as far as the environment says.
    package static var showsUnicode: Bool {
        let variables = ProcessInfo.processInfo.environment
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { variables[$0] }
            .first { !$0.isEmpty }
        return locale?.lowercased().replacing("-", with: "").contains("utf8") ?? false
    }

    /// The most columns of a page of text and tables.
    package static var pageLimit: Int { width.limit ?? pageColumns }

    /// A text of a page, broken between words, all lines but the first indented.
    package static func wrapped(_ text: String, indent: Int = 4) -> String {
        text.folded(limit: pageLimit, indent: indent)
    }

    /// A number with `digits` decimals.
    package static func decimal(_ value: Double, _ digits: Int) -> String {
        NumberText.decimal(value, digits)
    }

    /// A count with the unit thousand or million.
    package static func short(_ value: Double) -> String { NumberText.short(value) }

    /// A length of time as `1:23` or `2:01:23`.
    package static func clock(seconds: Double) -> String { NumberText.clock(Seconds(seconds)) }

    /// A time of day, for a moment in seconds since 1970; with its date when that is not today's.
    package static func time(_ moment: Double) -> String {
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
    package static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
