import Foundation

/// Numbers as people read them.
enum Numbers {
    /// With so many digits after the point.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }

    /// As `1.2 %`, or with one digit more below one percent, where that tells something.
    static func percent(_ share: Double) -> String {
        let percent = share * 100
        return "\(decimal(percent, (0.005..<0.95).contains(percent) ? 2 : 1)) %"
    }

    /// As `3.2 s`, or in milliseconds below one second.
    static func time(_ seconds: Double) -> String {
        seconds < 1 ? "\(decimal(1000 * seconds, 1)) ms" : "\(decimal(seconds, 1)) s"
    }

    /// With a comma between thousands.
    static func grouped(_ count: Int) -> String {
        var digits = String(abs(count))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (count < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    /// Ascending numbers as `0-2, 5`.
    static func list(_ numbers: [Int]) -> String {
        var runs: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ", ")
    }

    /// Ascending numbers as `3 to 10`, or one by one where some are missing.
    static func range(_ numbers: [Int]) -> String {
        guard let first = numbers.first, let last = numbers.last else { return "none" }
        guard numbers.count > 2, last - first == numbers.count - 1 else {
            return numbers.map(String.init).joined(separator: ", ")
        }
        return "\(first) to \(last)"
    }
}
