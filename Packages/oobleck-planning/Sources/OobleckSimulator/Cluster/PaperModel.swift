import OobleckValues

/// A model of the paper's evaluation (table 1), by the name under which its results are published.
public enum PaperModel: String, Sendable, CaseIterable, Codable {
    /// 340 million parameters.
    case bertLarge = "BERT-large"
    /// 345 million parameters.
    case gpt2 = "GPT-2"
    /// 350 million parameters.
    case gpt3Medium = "GPT-3-medium"
    /// 2.7 billion parameters.
    case gpt3With2700M = "GPT-3-2.7b"
    /// 6.7 billion parameters.
    case gpt3With6700M = "GPT-3-6.7b"

    /// The model of a name as people write it, whatever the case.
    ///
    /// - Throws: ``OobleckError/Code/usage`` for an unknown name.
    public init(name: String) throws {
        let known = Self.allCases.first { $0.rawValue.lowercased() == name.lowercased() }
        guard let known else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(.usage, "there is no model \(name) in the paper; it has \(names)")
        }
        self = known
    }
}
