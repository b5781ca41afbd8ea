import Foundation

/// Numbers and markup of a page.
package enum ReportText {
    /// A time: `38 ms`, `1.25 s`, `3 min 20 s`, `2 h 05 min`.
    static func seconds(_ seconds: Double) -> String {
        switch seconds {
        case ..<0.0005: "0 s"
        case ..<0.0995: String(format: "%.0f ms", seconds * 1e3)
        case ..<9.995: String(format: "%.2f s", seconds)
        case ..<99.95: String(format: "%.1f s", seconds)
        case ..<3600: "\(Int(seconds.rounded()) / 60) min \(Int(seconds.rounded()) % 60) s"
        default:
            "\(Int(seconds) / 3600) h " + String(format: "%02d min", Int(seconds) % 3600 / 60)
        }
    }

    /// A number with four digits that count.
    static func number(_ value: Double) -> String { String(format: "%.4g", value) }

    /// A large number: `12`, `3.4k`, `1.2M`.
    static func short(_ value: Double) -> String {
        for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] where abs(value) >= size {
            let short = value / size
            return String(format: short < 9.995 ? "%.2f" : short < 99.95 ? "%.1f" : "%.0f", short)
                + unit
        }
        return String(format: value < 10 ? "%.2g" : "%.0f", value)
    }

    /// A share: `12 %`; one that is almost nothing with a decimal.
    static func percent(_ share: Double) -> String {
        share > 0 && share < 0.0995
            ? String(format: "%.1f %%", share * 100) : String(format: "%.0f %%", share * 100)
    }

    /// Text as a part of HTML.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }

    /// The middle one of some values; `nil` without any.
    package static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
