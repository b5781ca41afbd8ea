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
        let path = data.text("validation")
        if evaluate != nil, path == nil, !data.isWrong("validation") {
            data.mistake("validation", "is missing; evaluate takes data that is not trained on")
        }
        if path?.isEmpty == true {
            data.mistake("validation", "is empty; name data of the kind of the training data")
        }
        guard let path, !path.isEmpty else { return nil }
        return ValidationSpecification(
            every: rhythm.integer("every") ?? ValidationSpecification.defaultPeriod,
            batches: rhythm.integer("batches"),
            dataPath: resolve(path)
        )
    }
}
