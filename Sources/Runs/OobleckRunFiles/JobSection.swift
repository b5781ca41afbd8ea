import Foundation
import OobleckCore
import Yams

/// One mapping of a job file with its known keys.
///
/// What is wrong in it goes to ``JobMistakes`` with line and key, and counts as left out.
struct JobSection {
    private struct Entry {
        let value: Node
        let line: Int
    }

    private let name: String
    private let mistakes: JobMistakes
    private var entries: [String: Entry] = [:]
    /// Whether it is one; of another thing nothing more is said.
    private(set) var isMapping = true

    /// Takes a mapping apart; a missing or empty one has no entries.
    init(_ node: Node?, name: String, schema: JobSchema, _ mistakes: JobMistakes) {
        self.name = name
        self.mistakes = mistakes
        guard let node, !Self.isNull(node) else { return }
        guard case .mapping(let mapping) = node else {
            isMapping = false
            let place = name.isEmpty ? "the job" : name
            let other = name == "checkpoint" ? " (or \(JobFile.noCheckpoints))" : ""
            mistakes.add(
                line: node.mark?.line ?? 1,
                "\(place) must be a mapping of keys to values\(other), and is \(Self.kind(node))"
            )
            return
        }
        var merged = MergedMapping()
        merged.add(mapping)
        for problem in merged.problems { mistakes.add(line: problem.line, problem.message) }
        for (key, value) in merged.entries {
            guard case .scalar(let scalar) = key else {
                mistakes.add(line: key.mark?.line ?? 1, "keys must be plain words")
                continue
            }
            let line = key.mark?.line ?? 1
            guard schema.keys(of: name).contains(scalar.string) else {
                let hint = schema.unknown(scalar.string, in: name, isMapping: value.mapping != nil)
                if let hint { mistakes.add(line: line, hint) }
                // What was probably meant is not missing.
                for near in schema.near(scalar.string, in: name) { mistakes.excuse(path(of: near)) }
                continue
            }
            if Self.isNull(value) { continue }
            entries[scalar.string] = Entry(value: value, line: line)
        }
    }

    func node(_ key: String) -> Node? { entries[key]?.value }

    func line(of key: String) -> Int? { entries[key]?.line }

    /// Whether a key has this word for its value.
    func isPlain(_ key: String, _ word: String) -> Bool {
        guard case .scalar(let scalar)? = entries[key]?.value else { return false }
        return scalar.string == word
    }

    func text(_ key: String) -> String? {
        guard let entry = entries[key] else { return nil }
        guard case .scalar(let scalar) = entry.value else {
            mistake(key, "is \(Self.kind(entry.value)); it must be a single value")
            return nil
        }
        return scalar.string
    }

    /// A mapping of words to words; `nil` when it is left out or something else.
    func texts(_ key: String) -> [String: String]? {
        guard let entry = entries[key] else { return nil }
        guard case .mapping(let mapping) = entry.value else {
            mistake(key, "is \(Self.kind(entry.value)); it must be a mapping of names to names")
            return nil
        }
        var texts: [String: String] = [:]
        for (name, value) in mapping {
            guard case .scalar(let name) = name, case .scalar(let value) = value else {
                mistake(key, "must be a mapping of names to names")
                return nil
            }
            texts[name.string] = value.string
        }
        return texts
    }

    func integer(_ key: String) -> Int? { whole(key, "a whole number") { Int($0) } }

    func unsigned(_ key: String) -> UInt64? {
        whole(key, "a whole number, 0 to \(UInt64.max)") { UInt64($0) }
    }

    func number(_ key: String) -> Double? {
        parse(key, "a number") { text in
            let text = text.replacing("_", with: "")
            // Hexadecimal digits are a number for the parser only.
            guard text.allSatisfy({ "0123456789+-.eE".contains($0) }) else { return nil }
            return Double(text).flatMap { $0.isFinite ? $0 : nil }
        }
    }

    func level(_ key: String) -> CPULevel? {
        let names = CPULevel.allCases.map(\.rawValue).joined(separator: ", ")
        return parse(key, "one of \(names)") { CPULevel(rawValue: $0) }
    }

    func decay(_ key: String) -> LearningRateDecay? {
        let names = LearningRateDecay.allCases.map(\.rawValue).joined(separator: ", ")
        return parse(key, "one of \(names)") { LearningRateDecay(rawValue: $0) }
    }

    func device(_ key: String) -> DeviceKind? {
        let names = DeviceKind.allCases.map(\.rawValue).joined(separator: " or ")
        return parse(key, names) { DeviceKind(rawValue: $0) }
    }

    func costModel(_ key: String) -> CostModel? {
        let names = CostModel.allCases.map(\.rawValue).joined(separator: ", ")
        return parse(key, "one of \(names)") { CostModel(rawValue: $0) }
    }

    func size(_ key: String) -> ByteCount? {
        parse(key, "a number of bytes, or one with a unit as in \"48 MiB\"", ByteCount.parsing)
    }

    /// Notes what is wrong with a key; only the first time for each key.
    func mistake(_ key: String, _ message: String) {
        guard isMapping else { return }
        mistakes.add(line: entries[key]?.line, path: path(of: key), message)
    }

    /// Whether something was wrong with the key.
    func isWrong(_ key: String) -> Bool { mistakes.has(path(of: key)) }

    private func path(of key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    /// A whole number, with a hint for how to write one that was written another way.
    private func whole<Value: FixedWidthInteger>(
        _ key: String,
        _ expected: String,
        _ convert: (String) -> Value?
    ) -> Value? {
        guard let text = text(key) else { return nil }
        let plain = text.replacing("_", with: "")
        let digits = plain.drop { $0 == "-" || $0 == "+" }
        guard let value = convert(plain) else {
            let hint = Double(plain.replacing(",", with: "")).flatMap { Value(exactly: $0) }
                .map { ", such as \($0)" }
            mistake(key, "is \"\(text)\"; it must be \(expected)\(hint ?? "")")
            return nil
        }
        guard digits.count == 1 || digits.first != "0" else {
            // Some readers of YAML take such a number for an octal one.
            mistake(key, "is \"\(text)\"; write \(value) without a zero in front")
            return nil
        }
        return value
    }

    private func parse<Value>(
        _ key: String,
        _ expected: String,
        _ convert: (String) -> Value?
    ) -> Value? {
        guard let text = text(key) else { return nil }
        guard let value = convert(text) else {
            mistake(key, "is \"\(text)\"; it must be \(expected)")
            return nil
        }
        return value
    }

    private static func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style != .singleQuoted,
            scalar.style != .doubleQuoted
        else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private static func kind(_ node: Node) -> String {
        switch node {
        case .scalar(let scalar): "\"\(scalar.string)\""
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .alias: "an alias"
        }
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
