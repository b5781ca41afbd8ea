/// Where and why a text is not JSON.
struct JSONFault: Error {
    let line: Int
    let column: Int
    let what: String
}

/// Parses JSON strictly by RFC 8259, and requires unique keys.
///
/// Costs one pass; nesting is bounded.
struct JSONParser {
    /// Deepest nesting; what we read has three levels.
    private static let deepest = 64

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8], allowsMark: Bool) {
        self.bytes = bytes
        if allowsMark, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    mutating func document() throws(JSONFault) -> JSONValue {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw fault("this is UTF-16 text; save it as UTF-8")
        }
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fault("something follows the value") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth < Self.deepest else { throw fault("nested more than \(Self.deepest) deep") }
        skipSpace()
        guard let first = peek else { throw fault("the text ends where a value should be") }
        switch first {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try number())
        default: return try word()
        }
    }

    private mutating func object(depth: Int) throws(JSONFault) -> JSONValue.Fields {
        var fields = JSONValue.Fields()
        position += 1
        skipSpace()
        if take("}") { return fields }
        repeat {
            skipSpace()
            let start = position
            guard peek == UInt8(ascii: "\"") else { throw fault("a key in quotes should be here") }
            let key = try string()
            skipSpace()
            guard take(":") else { throw fault("a colon should be here") }
            guard fields.add(key, try value(depth: depth + 1)) else {
                position = start
                throw fault("\(key) is there twice")
            }
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("a comma or } should be here") }
        return fields
    }

    private mutating func array(depth: Int) throws(JSONFault) -> [JSONValue] {
        var values: [JSONValue] = []
        position += 1
        skipSpace()
        if take("]") { return values }
        repeat {
            values.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault("a comma or ] should be here") }
        return values
    }

    private mutating func word() throws(JSONFault) -> JSONValue {
        let words: [(String, JSONValue)] = [
            ("null", .null), ("true", .boolean(true)), ("false", .boolean(false)),
        ]
        for (word, value) in words where bytes[position...].starts(with: Array(word.utf8)) {
            position += word.utf8.count
            return value
        }
        let isNumber = ["NaN", "Infinity"].contains { bytes[position...].starts(with: $0.utf8) }
        throw fault(isNumber ? "a number that is not finite; JSON has none" : "no JSON value")
    }

    private mutating func number() throws(JSONFault) -> String {
        let start = position
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { 0x30...0x39 ~= $0 } ?? false }
        let wrong = "no JSON number"
        _ = take("-")
        if bytes[position...].starts(with: "Infinity".utf8) {
            throw fault("a number that is not finite; JSON has none")
        }
        guard isDigit(peek) else { throw fault(wrong) }
        let startsWithZero = take("0")
        guard !startsWithZero || !isDigit(peek) else { throw fault(wrong) }
        while isDigit(peek) { position += 1 }
        if take(".") {
            guard isDigit(peek) else { throw fault(wrong) }
            while isDigit(peek) { position += 1 }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard isDigit(peek) else { throw fault(wrong) }
            while isDigit(peek) { position += 1 }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func string() throws(JSONFault) -> String {
        var text: [UInt8] = []
        position += 1
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw fault("a text that is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): text += Array(String(try escape()).utf8)
            case ..<0x20: throw fault("a control character in a text")
            default: text.append(byte)
            }
        }
        throw fault("a text that does not end")
    }

    private mutating func escape() throws(JSONFault) -> Unicode.Scalar {
        guard let byte = peek else { throw fault("a text that does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw fault("an unknown escape in a text")
        }
    }

    private mutating func unicodeEscape() throws(JSONFault) -> Unicode.Scalar {
        let first = try codeUnit()
        var code = first
        if 0xD800...0xDBFF ~= first, take("\\"), take("u") {
            let second = try codeUnit()
            guard 0xDC00...0xDFFF ~= second else { throw fault("half a surrogate pair") }
            code = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair") }
        return scalar
    }

    private mutating func codeUnit() throws(JSONFault) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        let text = String(decoding: digits, as: UTF8.self)
        guard digits.count == 4, text.allSatisfy(\.isHexDigit), let code = UInt32(text, radix: 16)
        else { throw fault("an escape \\u needs four hexadecimal digits") }
        position += 4
        return code
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    /// A fault at the position reached.
    private func fault(_ what: String) -> JSONFault {
        let before = bytes[..<min(position, bytes.count)]
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return JSONFault(
            line: before.count { $0 == UInt8(ascii: "\n") } + 1,
            column: before.count - lineStart + 1,
            what: what
        )
    }
}
