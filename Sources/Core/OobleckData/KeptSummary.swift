import OobleckCore

/// The summary of a corpus's file, kept beside it as `FILE.oobleck-digest`, so that the file is read
/// once and not at every start.
///
/// It is valid as long as size, time, inode and type of tokens equal those of the file that it was
/// computed from. A user who may write to the folder may replace the corpus as well, so the file
/// has no further protection.
struct KeptSummary {
    static let ending = ".oobleck-digest"
    private static let version = 1
    /// The file has some 400 bytes.
    private static let mostBytes = 64 << 10

    private let tokens: TokenSequence
    private let file: MappedFile
    private let index: FileIdentity?

    private var path: String { file.path + Self.ending }

    /// The summary of these tokens: the kept one, or else what `read` finds, which is then kept.
    ///
    /// `index` is the file that says where the tokens are, if they have one. Tokens in memory are
    /// read every time; without `keeps`, nothing is written. Throws as `read` does.
    static func summary(
        of tokens: TokenSequence,
        index: FileIdentity? = nil,
        keeps: Bool,
        read: () throws -> TokenSummary
    ) throws -> TokenSummary {
        guard case .file(let file) = tokens.storage else { return try read() }
        let kept = KeptSummary(tokens: tokens, file: file, index: index)
        file.expect(.sequential)
        defer { file.expect(.random) }
        if let summary = kept.load() { return summary }
        let summary = try read()
        if keeps { kept.save(summary) }
        return summary
    }

    /// The kept summary of the present state of the file; `nil` when it is absent or damaged.
    private func load() -> TokenSummary? {
        do {
            let fields = try JSONValue(contentsOf: path, limit: Self.mostBytes).fields
            return fields.flatMap(summary)
        } catch {
            // Absent, or no JSON: the corpus itself is read instead.
            return nil
        }
    }

    private func summary(_ fields: JSONValue.Fields) -> TokenSummary? {
        guard fields["version"]?.integer == Self.version,
            Self.identity(fields) == file.identity,
            (fields["index"]?.fields).flatMap(Self.identity) == index,
            fields["token_type"]?.string == tokens.type.rawValue,
            fields["token_count"]?.integer == tokens.count,
            let digest = fields["digest"]?.string,
            digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit)
        else { return nil }
        let token = fields["largest_token"]?.integer
        let position = fields["largest_position"]?.integer
        let word = fields["looks_like"]?.string
        let appearance = word.flatMap(TokenSummary.Appearance.init)
        guard (word == nil) == (appearance == nil) else { return nil }
        guard let token, let position else {
            return tokens.count == 0
                ? TokenSummary(largest: nil, appearance: appearance, digest: digest) : nil
        }
        guard (0..<tokens.count).contains(position) else { return nil }
        return TokenSummary(
            largest: TokenSummary.Largest(token: Int64(token), position: position),
            appearance: appearance,
            digest: digest
        )
    }

    private static func identity(_ fields: JSONValue.Fields) -> FileIdentity? {
        guard let size = fields["size"]?.integer,
            let modified = fields["modified_nanoseconds"]?.integer,
            let inode = fields["inode"]?.integer
        else { return nil }
        return FileIdentity(size: size, modifiedNanoseconds: modified, inode: inode)
    }

    /// Keeps the summary unless the file has changed meanwhile.
    ///
    /// Nodes that start together may interfere here. Then no summary is kept, or for a moment a
    /// part of one, which is not valid JSON.
    private func save(_ summary: TokenSummary) {
        do {
            guard try OpenFile(file.path, for: .readInput).identity() == file.identity else {
                return
            }
            try AtomicFile.write(Array(text(summary).utf8), to: path, durably: false)
        } catch {
            // The folder cannot be written to, or is full: the next start reads the corpus again.
            return
        }
    }

    private func text(_ summary: TokenSummary) -> String {
        func identity(_ identity: FileIdentity) -> String {
            "\"size\": \(identity.size), "
                + "\"modified_nanoseconds\": \(identity.modifiedNanoseconds), "
                + "\"inode\": \(identity.inode)"
        }
        let appearance = summary.appearance.map { JSONText.string($0.rawValue) }
        let lines = [
            "\"version\": \(Self.version)",
            identity(file.identity),
            "\"index\": \(index.map { "{\(identity($0))}" } ?? "null")",
            "\"token_type\": \(JSONText.string(tokens.type.rawValue))",
            "\"token_count\": \(tokens.count)",
            "\"largest_token\": \(summary.largest.map { "\($0.token)" } ?? "null")",
            "\"largest_position\": \(summary.largest.map { "\($0.position)" } ?? "null")",
            "\"looks_like\": \(appearance ?? "null")",
            "\"digest\": \(JSONText.string(summary.digest))",
        ]
        return "{\n  " + lines.joined(separator: ",\n  ") + "\n}\n"
    }
}
