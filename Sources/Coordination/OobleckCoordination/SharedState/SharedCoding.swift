import Foundation
import OobleckCore

/// How values stand in a shared store: as JSON that keeps every number, also a loss that is none.
package enum SharedCoding {
    package static func data(of value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        return try encoder.encode(value)
    }

    /// Throws `.storage` with one line when it is not what it should be.
    package static func value<Value: Decodable>(
        _ type: Value.Type,
        from data: Data
    ) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        do {
            return try decoder.decode(type, from: data)
        } catch {
            throw OobleckError(.storage, "etcd holds no \(type) of this version: \(error)")
        }
    }
}
