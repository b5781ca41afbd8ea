import Foundation
import OobleckCore
import OobleckData

/// JSON files of a run directory: sorted keys, one value a line, replaced as a whole.
enum JSONDocument {
    static func bytes(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value)) + Array("\n".utf8)
        } catch {
            throw OobleckError(
                .internalFault,
                "cannot write \(type(of: value)) as JSON: \(oneLine(error))"
            )
        }
    }

    static func write(
        _ value: some Encodable,
        to path: String,
        permissions: UInt32 = 0o644,
        durably: Bool = true
    ) throws {
        try AtomicFile.write(
            try bytes(value),
            to: path,
            permissions: permissions,
            durably: durably
        )
    }

    static func read<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        let data = try InputFile.data(path)
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch {
            throw OobleckError(.inputData, "\(path): \(oneLine(error))")
        }
    }
}
