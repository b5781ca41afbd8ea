import Foundation
import OobleckCore

/// A value of any size in a shared store that takes requests of a bounded size: one that is too large is
/// written in parts before, under a version of its own, and named once all are there.
package struct LargeValue {
    /// Stands where a value is that is in parts: their number, and the version that they are of.
    private struct Parts: Codable {
        var version: Int
        var parts: Int
    }

    /// The most bytes of a part; etcd takes requests of 1.5 MiB.
    package static let largestPart = 512 << 10

    /// Writes that come before the one that names the value, in order.
    package let before: [[KeyValueTransaction.Operation]]
    package let naming: [KeyValueTransaction.Operation]

    package init(
        _ name: String,
        version: Int,
        _ value: Data,
        largestPart: Int = Self.largestPart
    ) throws {
        guard value.count > largestPart else {
            (before, naming) = ([], [.put(name, value)])
            return
        }
        let starts = Array(stride(from: 0, to: value.count, by: largestPart))
        before = starts.enumerated().map { part, start in
            let bytes = value[start..<min(start + largestPart, value.count)]
            return [.put(Self.key(name, version, part), Data(bytes))]
        }
        let sign = Parts(version: version, parts: starts.count)
        naming = [
            .put(name, try SharedCoding.data(of: sign)),
            // Parts of earlier versions.
            .deleteRange(from: "\(name)/", to: "\(name)/\(SharedState.digits(version))/"),
        ]
    }

    /// The value under a name, from the entries of that name and of its parts; `nil` is none.
    package static func value(_ name: String, in entries: [String: Data]) throws -> Data? {
        guard let value = entries[name] else { return nil }
        let sign: Parts
        do { sign = try JSONDecoder().decode(Parts.self, from: value) } catch { return value }
        var whole = Data()
        for part in 0..<sign.parts {
            guard let bytes = entries[key(name, sign.version, part)] else {
                throw OobleckError(.storage, "etcd lacks a part of \(name)")
            }
            whole += bytes
        }
        return whole
    }

    private static func key(_ name: String, _ version: Int, _ part: Int) -> String {
        "\(name)/\(SharedState.digits(version))/\(SharedState.digits(part))"
    }
}
