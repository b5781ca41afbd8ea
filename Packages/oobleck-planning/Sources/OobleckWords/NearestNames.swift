/// The known names that a user may have meant.
public enum NearestNames {
    /// The known names closest to `name`, at most three, none when all are far off.
    public static func of(_ name: String, among known: [String]) -> [String] {
        let distances = known.map { (distance: distance(name, $0), name: $0) }.sorted { $0 < $1 }
        guard let least = distances.first?.distance, least <= max(2, name.count / 3) else {
            return []
        }
        return distances.prefix { $0.distance == least }.prefix(3).map(\.name)
    }

    /// Levenshtein's distance: least count of single-character edits.
    ///
    /// Costs the lengths' product.
    public static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var previous = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                let replaced = previous[column] + (character == other ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
