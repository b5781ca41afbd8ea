/// How many columns of a terminal a text takes.
extension String {
    /// Sum of the columns of its characters.
    public var columns: Int { reduce(0) { $0 + $1.columns } }

    /// The longest beginning that takes at most `limit` columns.
    public func prefix(columns limit: Int) -> Substring {
        var used = 0
        let end = firstIndex { character in
            used += character.columns
            return used > limit
        }
        return self[..<(end ?? endIndex)]
    }

    /// The text with spaces to the right, up to `width` columns.
    public func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - columns))
    }

    /// The text with spaces to the left, up to `width` columns.
    public func aligned(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - columns)) + self
    }
}

extension Character {
    /// 0 for controls and marks alone, 2 for East Asian wide characters and emoji, 1 otherwise.
    ///
    /// A cluster of several scalars is as wide as the widest of them.
    public var columns: Int {
        // By far the most common.
        if let byte = asciiValue { return byte < 0x20 || byte == 0x7F ? 0 : 1 }
        if unicodeScalars.contains("\u{FE0F}") { return 2 }
        return unicodeScalars.reduce(0) { max($0, $1.columns) }
    }
}

extension Unicode.Scalar {
    /// Blocks whose characters take two columns (Unicode Standard Annex 11, W and F).
    private static let wideRanges: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF,
        0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x1B2FF, 0x1F200...0x1F2FF,
        0x20000...0x3FFFD,
    ]

    fileprivate var columns: Int {
        switch properties.generalCategory {
        case .control, .nonspacingMark, .enclosingMark, .format, .lineSeparator,
            .paragraphSeparator:
            return 0
        default:
            let isWide =
                properties.isEmojiPresentation
                || Self.wideRanges.contains { $0.contains(value) }
            return isWide ? 2 : 1
        }
    }
}
