/// Pieces of a line, of which the least important are left out where there is no room for all.
struct TextParts: Sendable {
    private struct Part {
        let text: String
        /// Parts of the least weight are left out first.
        let weight: Int
    }

    private static let gap = "  "

    private var parts: [Part] = []

    mutating func add(_ text: String, weight: Int) {
        parts.append(Part(text: text, weight: weight))
    }

    /// The whole line, or with a limit as much of it as fits into `limit` columns.
    func text(limit: Int?) -> String {
        var shown = parts
        while let limit, Self.join(shown).columns > limit, shown.count > 1,
            let least = shown.indices.min(by: { shown[$0].weight < shown[$1].weight })
        {
            shown.remove(at: least)
        }
        let line = Self.join(shown)
        guard let limit else { return line }
        return String(line.prefix(columns: limit))
    }

    private static func join(_ parts: [Part]) -> String {
        parts.map(\.text).joined(separator: gap)
    }
}
