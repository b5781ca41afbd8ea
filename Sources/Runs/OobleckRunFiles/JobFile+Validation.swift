import OobleckCore
import Yams

extension JobFile {
    /// What `data.validation` and the `evaluate` section say; `nil` when the job evaluates nothing.
    static func validationSpecification(
        _ data: JobSection,
        _ evaluate: Node?,
        _ section: (String) -> JobSection,
        _ resolve: (String) -> String
    ) -> ValidationSpecification? {
        let rhythm = section("evaluate")
        let isMissing = data.node("validation") == nil && !data.isWrong("validation")
        if evaluate != nil, isMissing {
            data.mistake("validation", "is missing; evaluate takes data that is not trained on")
        }
        guard let (path, format) = validationData(data) else { return nil }
        return ValidationSpecification(
            every: rhythm.integer("every") ?? ValidationSpecification.defaultPeriod,
            batches: rhythm.integer("batches"),
            dataPath: resolve(path),
            format: format
        )
    }

    /// Path and format of the validation data: a path alone, or a mapping as `data` itself is one.
    ///
    /// `nil` when there are none, or something is wrong with them.
    private static func validationData(
        _ data: JobSection
    ) -> (path: String, format: ValidationSpecification.Format?)? {
        guard data.node("validation")?.mapping != nil else {
            guard let path = data.text("validation") else { return nil }
            if path.isEmpty {
                data.mistake("validation", "is empty; name data of the kind of the training data")
                return nil
            }
            return (path, nil)
        }
        guard let fields = data.texts("validation") else { return nil }
        let kind = data.node("columns") == nil ? "corpus" : "columns"
        let known = kind == "corpus" ? ["corpus", "token_bytes"] : ["columns"]
        if let other = fields.keys.sorted().first(where: { !known.contains($0) }) {
            data.mistake(
                "validation",
                "has the key \(other); the training data are \(kind), and so it takes "
                    + known.joined(separator: " and ")
            )
            return nil
        }
        guard let path = fields[kind], !path.isEmpty else {
            data.mistake("validation", "names no \(kind), which the training data are")
            return nil
        }
        guard let text = fields["token_bytes"] else { return (path, .init()) }
        guard let bytes = Int(text), JobViolation.tokenWidths.contains(bytes) else {
            data.mistake("validation", "has token_bytes \(text); it must be 1, 2, 4 or 8")
            return nil
        }
        return (path, .init(tokenBytes: bytes))
    }
}
