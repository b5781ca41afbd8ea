import Foundation
import OobleckFiles
public import OobleckValues

extension ModelProfile {
    /// Reads and checks a `profile.json`.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` with one line that names the file, the place in it, the
    ///   value and what would be right.
    public init(contentsOf path: String) throws {
        self = try Self.load(path)
    }

    /// Writes the profile, all at once: a reader sees the old file or the new one.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` as ``ModelProfile/validate()``,
    ///   ``OobleckError/Code/storage`` when the file cannot be written.
    public func write(to path: String) throws {
        try validate()
        try DocumentFile.write(self, to: path)
    }

    private static func load(_ path: String) throws -> ModelProfile {
        let text = try TextFile.read(path, as: "profile")
        let data = Data(text.utf8)
        do {
            guard text.contains(where: { !$0.isWhitespace }) else {
                throw OobleckError(.inputData, "the profile is empty")
            }
            let profile = try JSONDecoder().decode(ModelProfile.self, from: data)
            try checkKeys(JSONKeys(Array(data)))
            guard profile.layers.contains(where: { $0.forward + $0.backward > 0 }) else {
                throw OobleckError(
                    .inputData,
                    "all forward_seconds and backward_seconds are 0; a profile has measured times"
                )
            }
            return profile
        } catch let error as OobleckError {
            throw OobleckError(error.code, "\(path): \(error.message)", problem: error.problem)
        } catch let error as DecodingError {
            let reason =
                Self.noNumber(in: data) ?? DocumentFile.explain(error, as: "profile")
            throw OobleckError(.inputData, "\(path): \(reason)")
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
}
