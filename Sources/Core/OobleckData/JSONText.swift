/// JSON written by hand where the bytes themselves are the contract: ledger lines, headers.
package enum JSONText {
    /// `text` as a JSON string, quotes included.
    package static func string(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            default:
                if scalar.value < 0x20 {
                    let digits = String(scalar.value, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }

    /// A finite number in the shortest form that reads back as the same bits.
    package static func number(_ value: Double) -> String {
        precondition(value.isFinite, "JSON has no \(value)")
        return "\(value)"
    }
}
