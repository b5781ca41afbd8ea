import Foundation
import OobleckFiles
import OobleckValues

/// Profiles and plans as files of JSON.
enum DocumentFile {
    /// The text of a document, keys in order, so that equal documents give equal bytes.
    static func text(_ document: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    static func write(_ document: some Encodable, to path: String) throws {
        try AtomicFile.write(Array((try text(document) + "\n").utf8), to: path)
    }

    /// What is wrong with the text of a document that should be a `role`, in words.
    static func explain(_ error: DecodingError, as role: String) -> String {
        func path(_ context: DecodingError.Context) -> String {
            let keys = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            return keys.isEmpty ? "the \(role)" : keys.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "\(path(context)) lacks \(key.stringValue)"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return "\(path(context)) is not \(name(of: type))"
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return "not valid JSON, or a whole number in it is too great or has a fraction"
        case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
        @unknown default: return "not a \(role)"
        }
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is Double.Type: "a number"
        case is Int.Type: "a whole number"
        case is String.Type: "a text"
        case is [Any].Type: "a list"
        default: "an object"
        }
    }
}
