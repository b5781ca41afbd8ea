import Foundation
import OobleckFiles
import OobleckValues

extension ModelProfile {
    /// Reads and checks a `profile.json`.
    ///
    /// Throws one line.
    public static func load(path: String) throws -> ModelProfile {
        let text = try TextFile.read(path, as: "profile")
        let data = Data(text.utf8)
        do {
            guard text.contains(where: { !$0.isWhitespace }) else {
                throw OobleckError(.inputData, "the profile is empty")
            }
            let profile = try JSONDecoder().decode(ModelProfile.self, from: data)
            try profile.validate()
            try checkKeys(JSONKeys(Array(data)))
            guard profile.layers.contains(where: { $0.forward + $0.backward > 0 }) else {
                throw OobleckError(
                    .inputData,
                    "all forward_seconds and backward_seconds are 0; a profile has measured times"
                )
            }
            return profile
        } catch let error as OobleckError {
            throw OobleckError(error.code, "\(path): \(error.message)")
        } catch let error as DecodingError {
            let noNumber = Self.noNumber(in: data)
            throw OobleckError(.inputData, "\(path): \(noNumber ?? Self.explain(error))")
        }
    }

    /// Throws for a key that an object has twice, and for one that is close to a known key: what it
    /// says would be passed over, and an absent size is 0.
    private static func checkKeys(_ keys: JSONKeys) throws {
        if let repeated = keys.repeated {
            throw OobleckError(.inputData, "an object has the key \(repeated) twice")
        }
        let known = [
            // The object itself, its memory rule, and the objects in its list of layers.
            1: CodingKeys.allCases.map(\.rawValue),
            2: MemoryRule.CodingKeys.allCases.map(\.rawValue),
            3: LayerProfile.CodingKeys.allCases.map(\.rawValue),
        ]
        for key in keys.all.sorted(by: { ($0.depth, $0.name) < ($1.depth, $1.name) }) {
            guard let names = known[key.depth], !names.contains(key.name) else { continue }
            guard let meant = names.first(where: { JSONKeys.resemble($0, key.name) }) else {
                continue
            }
            throw OobleckError(.inputData, "unknown key \(key.name); did you mean \(meant)?")
        }
    }

    /// What to say about a file with a NaN or an Infinity, which some programs write and JSON lacks.
    private static func noNumber(in data: Data) -> String? {
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            for word in ["NaN", "Infinity"] where line.range(of: Data(word.utf8)) != nil {
                return "line \(index + 1) has \(word), which is no number in JSON; "
                    + "times must be finite and >= 0"
            }
        }
        return nil
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

    private static func explain(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            let keys = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            return keys.isEmpty ? "the profile" : keys.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "\(path(context)) lacks \(key.stringValue)"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return "\(path(context)) is not \(name(of: type))"
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return "not valid JSON, or a whole number in it is too great or has a fraction"
        case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
        @unknown default: return "not a profile"
        }
    }
}
