import OobleckCore
import Yams

/// How a job changes parameters, and which.
extension JobFile {
    /// Reads the keys of the optimizer.
    ///
    /// Defaults are left out, so that a job that names them is the same job.
    static func readOptimizer(_ section: JobSection, _ training: inout TrainingSpecification) {
        let kind = section.optimizer("optimizer") ?? .adamW
        if !section.isWrong("optimizer") {
            let unused = kind == .sgd ? ["beta1", "beta2", "epsilon"] : ["momentum", "nesterov"]
            for key in unused where section.node(key) != nil {
                section.mistake(
                    key,
                    "has no meaning for optimizer \(kind.rawValue); leave out one of the two"
                )
            }
        }
        training.optimizer = kind == .adamW ? nil : kind
        training.momentum = section.number("momentum").flatMap { $0 == 0 ? nil : $0 }
        training.nesterov = section.flag("nesterov") == true ? true : nil
        training.train = section.list("train")
        let precision: Precision? = section.choice("precision")
        training.precision = precision == .float32 ? nil : precision
        let recompute: Recomputation? = section.choice("recompute")
        training.recompute = recompute == Recomputation.none ? nil : recompute
    }
}

extension JobSection {
    func optimizer(_ key: String) -> OptimizerKind? { choice(key) }

    /// One of some words; `nil` when it is left out, or another, which is noted.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String) -> Choice? {
        guard let text = text(key) else { return nil }
        guard let choice = Choice(rawValue: text.lowercased()) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: " or ")
            mistake(key, "is \"\(text)\"; it must be \(names)")
            return nil
        }
        return choice
    }

    /// A list of words, or a single one; `nil` when it is left out or something else.
    func list(_ key: String) -> [String]? {
        guard let node = node(key) else { return nil }
        if case .scalar(let word) = node { return [word.string] }
        guard case .sequence(let items) = node else {
            mistake(key, "must be a list of names, as in [\"lm_head.*\", \"*.bias\"]")
            return nil
        }
        let words = items.compactMap { item in
            if case .scalar(let word) = item { word.string } else { nil as String? }
        }
        guard words.count == items.count, !words.isEmpty else {
            mistake(key, "must be a list of names, as in [\"lm_head.*\", \"*.bias\"]")
            return nil
        }
        return words
    }
}
