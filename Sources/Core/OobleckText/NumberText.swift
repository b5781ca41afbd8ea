import Foundation
import OobleckCore

/// Numbers for people.
package enum NumberText {
    /// A number with `digits` decimals.
    package static func decimal(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }

    /// A count with the unit thousand or million.
    package static func short(_ value: Double) -> String {
        switch value {
        case 1e6...: decimal(value / 1e6, 1) + "M"
        case 1e4...: decimal(value / 1e3, 1) + "k"
        default: decimal(value, 0)
        }
    }

    /// A share in whole percent: `61%`.
    package static func percent(_ share: Double) -> String { decimal(share * 100, 0) + "%" }

    /// A small number with its power of ten: `3.8e-4`.
    package static func power(_ value: Double) -> String {
        let text = String(format: "%.1e", value)
        guard let mark = text.firstIndex(of: "e"),
            let exponent = Int(text[text.index(after: mark)...])
        else { return text }
        return "\(text[..<mark])e\(exponent)"
    }

    /// A length of time as `1:23` or `2:01:23`; one beyond all calendars as `99999:59:59`.
    package static func clock(_ time: Seconds) -> String {
        let most: Double = 359_999_999
        let whole = Int(min(most, max(0, time.value.isFinite ? time.value : 0)).rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest)
            : String(format: "%d:%02d", minutes, rest)
    }

    /// A length of time in words of one unit: `40 s`, `12 min`, `3.5 h`.
    package static func span(_ time: Seconds) -> String {
        switch time.value {
        case ..<10: decimal(max(0, time.value), 1) + " s"
        case ..<120: decimal(time.value, 0) + " s"
        case ..<7200: decimal(time.value / 60, 0) + " min"
        default: decimal(time.value / 3600, 1) + " h"
        }
    }
}
