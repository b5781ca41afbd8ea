import Foundation
import OobleckCore
import Yams

/// One mapping of a job file with its known keys.
///
/// Every error names file, line and key.
struct JobSection {
    private struct Entry {
        let value: Node
        let line: Int
    }

    private let file: String
    private let name: String
    private var entries: [String: Entry] = [:]

    /// Takes a mapping apart; a missing or empty one has no entries.
    init(_ node: Node?, name: String, file: String, schema: JobSchema) throws {
        self.file = file
        self.name = name
        guard let node, !Self.isNull(node) else { return }
        guard case .mapping(let mapping) = node else {
            let place = name.isEmpty ? "the job" : name
            throw Self.error(file, node, "\(place) must be a mapping of keys to values")
        }
        for (keyNode, value) in mapping {
            guard case .scalar(let key) = keyNode else {
                throw Self.error(file, keyNode, "keys must be plain words")
            }
            guard schema.keys(of: name).contains(key.string) else {
                throw Self.error(file, keyNode, schema.unknown(key.string, in: name))
            }
            if Self.isNull(value) { continue }
            entries[key.string] = Entry(value: value, line: keyNode.mark?.line ?? 1)
        }
    }

    func node(_ key: String) -> Node? { entries[key]?.value }

    func line(of key: String) -> Int? { entries[key]?.line }

    func text(_ key: String) throws -> String? {
        guard let entry = entries[key] else { return nil }
        guard case .scalar(let scalar) = entry.value else {
            throw error(key, "must be a single value")
        }
        return scalar.string
    }

    func integer(_ key: String) throws -> Int? {
        try parse(key, "a whole number") { Int($0.replacing("_", with: "")) }
    }

    func unsigned(_ key: String) throws -> UInt64? {
        try parse(key, "a whole number, 0 to \(UInt64.max)") {
            UInt64($0.replacing("_", with: ""))
        }
    }

    func number(_ key: String) throws -> Double? {
        try parse(key, "a number") { text in
            Double(text.replacing("_", with: "")).flatMap { $0.isFinite ? $0 : nil }
        }
    }

    func size(_ key: String) throws -> ByteCount? {
        try parse(key, "a number of bytes, or one with a unit as in \"48 MiB\"", ByteCount.parsing)
    }

    func error(_ key: String, _ message: String) -> OobleckError {
        let path = name.isEmpty ? key : "\(name).\(key)"
        guard let line = entries[key]?.line else {
            return OobleckError(.inputData, "\(file): \(path) \(message)")
        }
        return OobleckError(.inputData, "\(file):\(line): \(path) \(message)")
    }

    private func parse<Value>(
        _ key: String,
        _ expected: String,
        _ convert: (String) -> Value?
    ) throws -> Value? {
        guard let text = try text(key) else { return nil }
        guard let value = convert(text) else {
            throw error(key, "is \"\(text)\"; it must be \(expected)")
        }
        return value
    }

    private static func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style != .singleQuoted,
            scalar.style != .doubleQuoted
        else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private static func error(_ file: String, _ node: Node, _ message: String) -> OobleckError {
        OobleckError(.inputData, "\(file):\(node.mark?.line ?? 1): \(message)")
    }
}

extension ByteCount {
    /// Reads a whole number of bytes, or a number with a unit: `48 MiB`, `1.5GB`.
    package static func parsing(_ text: String) -> ByteCount? {
        let text = text.filter { $0 != " " && $0 != "_" }
        let digits = text.prefix { "0123456789.".contains($0) }
        let units: [String: Double] = [
            "": 1, "b": 1, "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30, "tib": 0x1p40,
            "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
        ]
        guard let amount = Double(digits),
            let unit = units[text.dropFirst(digits.count).lowercased()]
        else { return nil }
        let bytes = amount * unit
        guard bytes < 0x1p62, unit > 1 || bytes.rounded() == bytes else { return nil }
        return ByteCount(Int(bytes.rounded()))
    }
}
