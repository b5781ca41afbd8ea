/// Which parameters training changes: those whose names fit one of some patterns, or all.
///
/// In a pattern `*` stands for any characters, and `?` for one.
package struct TrainedParameters: Hashable, Sendable {
    /// `nil` is all.
    package let patterns: [String]?

    package init(_ patterns: [String]?) { self.patterns = patterns }

    package static let all = TrainedParameters(nil)

    package func contains(_ name: String) -> Bool {
        patterns?.contains { Self.fits(Array(name.utf8), Array($0.utf8)) } ?? true
    }

    /// Whether a pattern stands for a name.
    package static func fits(_ name: String, pattern: String) -> Bool {
        fits(Array(name.utf8), Array(pattern.utf8))
    }

    /// Tries the shortest text for each star first, and goes back to the last star only: any text that
    /// an earlier one could take besides, the last one can.
    private static func fits(_ name: [UInt8], _ pattern: [UInt8]) -> Bool {
        var (place, mark) = (0, 0)
        var star: (mark: Int, place: Int)?
        while place < name.count {
            if mark < pattern.count, pattern[mark] == UInt8(ascii: "*") {
                star = (mark, place)
                mark += 1
            } else if mark < pattern.count,
                pattern[mark] == UInt8(ascii: "?") || pattern[mark] == name[place]
            {
                (place, mark) = (place + 1, mark + 1)
            } else if let last = star {
                star = (last.mark, last.place + 1)
                (place, mark) = (last.place + 1, last.mark + 1)
            } else {
                return false
            }
        }
        return pattern[mark...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
