import OobleckCore
import OobleckData

/// What a job trains on.
extension JobFile {
    /// What the `data` section says.
    struct DataChoice {
        var path: String
        var areColumns: Bool?
        var tokenBytes: Int?
        var masking: MaskingSpecification?
    }

    /// Reads the section, and says in `model` where each tensor of its microbatch comes from.
    static func data(
        _ section: JobSection,
        _ mistakes: JobMistakes,
        _ model: inout ImportedModel?,
        _ resolve: (String) -> String
    ) -> DataChoice {
        let corpus = section.text("corpus").flatMap { $0.isEmpty ? nil : $0 }
        let columns = section.text("columns").flatMap { $0.isEmpty ? nil : $0 }
        if corpus == nil, columns == nil, !section.isWrong("corpus"), !section.isWrong("columns") {
            section.mistake(
                "corpus",
                "is missing; name a UTF-8 text file, a directory of .txt files, or a .bin file"
            )
        }
        if corpus != nil, columns != nil {
            section.mistake("columns", "cannot be set beside corpus; leave out one of the two")
        }
        if columns != nil, model == nil, !mistakes.has("model.import") {
            section.mistake("columns", "are for an imported model; GPT-2 takes a corpus of tokens")
        }
        if columns != nil, corpus == nil, section.node("token_bytes") != nil {
            section.mistake(
                "token_bytes",
                "is for a corpus of token ids; columns say it themselves"
            )
        }
        assignRoles(section, mistakes, &model, areColumns: columns != nil)
        return DataChoice(
            path: (columns ?? corpus).map(resolve) ?? "",
            areColumns: columns == nil ? nil : true,
            tokenBytes: section.integer("token_bytes"),
            masking: masking(section, model)
        )
    }

    /// Where each tensor of the microbatch comes from: as `data.batch` says, or else from the column of its
    /// name, or as the model was imported.
    private static func assignRoles(
        _ section: JobSection,
        _ mistakes: JobMistakes,
        _ model: inout ImportedModel?,
        areColumns: Bool
    ) {
        let chosen = section.texts("batch") ?? [:]
        guard var manifest = model?.manifest else {
            if section.node("batch") != nil, !mistakes.has("model.import") {
                section.mistake("batch", "is for an imported model; GPT-2 takes tokens")
            }
            return
        }
        if let unknown = chosen.keys.sorted().first(where: { name in
            !manifest.batch.contains { $0.name == name }
        }) {
            let known = manifest.batch.map(\.name).joined(separator: ", ")
            section.mistake("batch", "names \(unknown); the model takes \(known)")
        }
        for index in manifest.batch.indices {
            let tensor = manifest.batch[index]
            let choice = chosen[tensor.name]
            let role = choice.flatMap { ImportManifest.BatchTensor.Role(rawValue: $0) }
            if areColumns {
                manifest.batch[index].role = role == .ones ? .ones : .column
                // The roles of a corpus are names like any other here.
                manifest.batch[index].column = role == .ones || role == .column ? nil : choice
            } else if let role, role != .column {
                manifest.batch[index].role = role
            } else if let choice {
                section.mistake(
                    "batch",
                    "takes \(tensor.name) from \(choice), and a corpus has tokens, next_tokens, "
                        + "masked_tokens, mask_targets and ones; name columns instead of corpus"
                )
            } else if tensor.role == .column {
                section.mistake(
                    "corpus",
                    "has no \(tensor.name), which the model takes; name columns instead, or say in "
                        + "batch where it comes from"
                )
            }
        }
        if manifest.sequence == nil {
            // A module from a file: its samples are as long as its tensor of tokens.
            let tokens = manifest.batch.first { $0.role == .tokens || $0.role == .maskedTokens }
            manifest.sequence = tokens.flatMap { $0.shape.count == 2 ? $0.shape[1] : nil }
        }
        model?.manifest = manifest
    }

    private static func masking(
        _ section: JobSection,
        _ model: ImportedModel?
    ) -> MaskingSpecification? {
        let roles = Set(model?.manifest.batch.map(\.role) ?? [])
        let isMasked = roles.contains(.maskedTokens) || roles.contains(.maskTargets)
        guard isMasked, let model else {
            for key in ["mask_fraction", "mask_token"] where section.node(key) != nil {
                section.mistake(key, "is for models that guess hidden tokens; leave it out")
            }
            return nil
        }
        guard let token = section.integer("mask_token") ?? model.manifest.maskToken else {
            section.mistake(
                "mask_token",
                "is missing: the imported model brings no tokenizer that says which id hides a token"
            )
            return nil
        }
        return MaskingSpecification(
            fraction: section.number("mask_fraction") ?? MaskingSpecification.defaultFraction,
            token: token,
            vocabulary: model.manifest.vocabulary ?? max(token, token &+ 1)
        )
    }
}
