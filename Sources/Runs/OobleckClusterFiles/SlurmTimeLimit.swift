import OobleckCore

/// How long Slurm lets a job run: minutes, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM` or `D-HH:MM:SS`.
package struct SlurmTimeLimit: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    package let description: String
    package let seconds: Int

    private static let forms = "minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS"
    /// Ten years.
    private static let mostSeconds = 10 * 366 * 24 * 3600

    /// Reads a limit as Slurm does.
    ///
    /// Throws `.usage` with one line.
    package init(_ text: String) throws {
        guard let seconds = Self.seconds(text) else {
            throw OobleckError(.usage, "--time is \"\(text)\"; it must be \(Self.forms)")
        }
        guard seconds > 0 else {
            throw OobleckError(
                .usage,
                "--time is \(text), which is no time; leave it out for the partition's own limit"
            )
        }
        guard seconds <= Self.mostSeconds else {
            throw OobleckError(.usage, "--time is \(text); ten years are the most")
        }
        self.seconds = seconds
        description = text
    }

    /// The limit in seconds; `nil` when the text is none.
    private static func seconds(_ text: String) -> Int? {
        let halves = text.split(separator: "-", omittingEmptySubsequences: false)
        guard halves.count <= 2, let last = halves.last else { return nil }
        let parts = last.split(separator: ":", omittingEmptySubsequences: false)
            .map { number(String($0)) }
        let days = halves.count == 2 ? number(String(halves[0])) : 0
        guard let days, !parts.contains(nil) else { return nil }
        let numbers = parts.compactMap { $0 }
        // After days the first number counts hours; alone, one or two numbers count from minutes.
        let units = [3600, 60, 1]
        let first = halves.count == 2 || numbers.count == 3 ? 0 : 1
        guard numbers.count <= units.count - first else { return nil }
        guard zip(numbers, units[first...]).dropFirst().allSatisfy({ $0.0 < 60 }) else {
            return nil
        }
        return days * 86400 + zip(numbers, units[first...]).map { $0 * $1 }.reduce(0, +)
    }

    /// A number of at most six digits.
    private static func number(_ text: String) -> Int? {
        let isNumber = (1...6).contains(text.utf8.count) && text.allSatisfy { "0"..."9" ~= $0 }
        return isNumber ? Int(text) : nil
    }
}
