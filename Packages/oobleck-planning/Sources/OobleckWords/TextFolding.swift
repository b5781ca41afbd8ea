extension String {
    /// The text broken between words into lines of at most `limit` columns, all but the first
    /// indented; as it is without a limit.
    ///
    /// Spaces at the beginning stay. A word that is longer than a line has one of its own, whole, so
    /// that paths and digests can be copied.
    public func folded(limit: Int?, indent: Int = 4) -> String {
        guard let limit, columns > limit else { return self }
        // An indent must leave room for words.
        let margin = String(repeating: " ", count: max(0, min(indent, limit / 2)))
        var lines: [String] = []
        var line = String(prefix { $0 == " " })
        var isEmpty = true
        for word in split(separator: " ") {
            if !isEmpty, line.columns + 1 + String(word).columns > limit {
                lines.append(line)
                line = margin + word
            } else {
                line += isEmpty ? String(word) : " \(word)"
            }
            isEmpty = false
        }
        return (lines + [line]).joined(separator: "\n")
    }

    /// The text folded after its first cell of `width` columns, which keeps its spaces.
    public func foldedAfter(_ width: Int, limit: Int?) -> String {
        guard let limit, columns > limit else { return self }
        let head = String(prefix(columns: width))
        // Where hardly anything fits beside the cell, the rest stands below it.
        guard limit - width >= width else { return folded(limit: limit) }
        let rest = String(dropFirst(head.count)).folded(limit: limit - width, indent: 0)
        let margin = String(repeating: " ", count: width)
        return head + rest.replacing("\n", with: "\n" + margin)
    }
}
