import OobleckCore

/// Digests of what a worker has read, each SHA-256 in hexadecimal: the same on all nodes of a run.
struct ReadDigests: Hashable, Sendable {
    var corpus: String
    /// Of the model and its initial weights.
    var model: String
    /// Empty where there is no validation data.
    var validation: String

    /// What node `other` has read otherwise than `node` did, in one line; `nil` when it is the same.
    func difference(from theirs: Self, _ node: NodeID, _ other: NodeID) -> String? {
        if theirs.model != model {
            return "node \(other) has a model with digest \(theirs.model), node \(node) one with "
                + "\(model); all nodes need the same model and initial weights"
        }
        if theirs.corpus != corpus {
            return "node \(other) reads a corpus with digest \(theirs.corpus), node \(node) one "
                + "with \(corpus); all nodes need the same"
        }
        if theirs.validation != validation {
            return "node \(other) reads validation data with digest \(theirs.validation), node "
                + "\(node) others with \(validation); all nodes need the same"
        }
        return nil
    }
}
