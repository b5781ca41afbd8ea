import OobleckCore

/// A JSON value of a file from another program, parsed strictly: a repeated key, `NaN`, and
/// everything else that is not JSON are refused.
package enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// The number as it is written, which no rounding has touched.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(Fields)

    /// The members of an object, in the order of the file; no key stands twice.
    package struct Fields: Hashable, Sendable {
        package private(set) var keys: [String] = []
        private var values: [String: JSONValue] = [:]

        package init() {}

        package subscript(_ key: String) -> JSONValue? { values[key] }

        /// False when the object already has the key.
        mutating func add(_ key: String, _ value: JSONValue) -> Bool {
            guard values.updateValue(value, forKey: key) == nil else { return false }
            keys.append(key)
            return true
        }
    }

    /// Reads one value that fills all of `bytes`.
    ///
    /// A byte order mark of UTF-8 is skipped where `allowsMark`. Throws `.inputData`, with `path`,
    /// line and column.
    package init(parsing bytes: [UInt8], path: String, allowsMark: Bool = true) throws {
        var parser = JSONParser(bytes, allowsMark: allowsMark)
        do {
            self = try parser.document()
        } catch {
            throw OobleckError(.inputData, "\(path):\(error.line):\(error.column): \(error.what)")
        }
    }

    /// Reads a whole file, of at most `limit` bytes.
    package init(contentsOf path: String, limit: Int) throws {
        try self.init(parsing: try InputFile.bytes(path, atMost: limit), path: path)
    }

    /// The value of a whole number, if it is written as one and fits.
    package var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }

    /// The value of a number, if it is finite.
    package var double: Double? {
        guard case .number(let text) = self, let value = Double(text), value.isFinite else {
            return nil
        }
        return value
    }

    package var string: String? { if case .string(let text) = self { text } else { nil } }

    package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }

    package var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }

    package var fields: Fields? { if case .object(let fields) = self { fields } else { nil } }
}

extension JSONValue: CustomStringConvertible {
    /// The value as messages show it: a list or an object by its kind only.
    package var description: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .number(let text): text
        case .string(let text): JSONText.string(text)
        case .array(let values): values.isEmpty ? "[]" : "a list"
        case .object(let fields): fields.keys.isEmpty ? "{}" : "an object"
        }
    }
}
