import OobleckCore
import OobleckData

/// What a job takes over from its initial weights, unless it says otherwise.
extension JobFile {
    /// The folder of the initial weights; `nil` when there is none, or it cannot be read, which is
    /// noted.
    static func readWeights(
        _ section: JobSection,
        _ mistakes: JobMistakes,
        _ resolve: (String) -> String
    ) -> WeightFolder? {
        guard let path = section.text("initial_weights").map(resolve) else { return nil }
        do {
            return try WeightFolder(path: path)
        } catch let error as OobleckError {
            mistakes.add(line: section.line(of: "initial_weights"), error.message)
            mistakes.excuse("model.initial_weights")
        } catch {
            section.mistake("initial_weights", "cannot be read: \(fileReason(error))")
        }
        return nil
    }

    /// The job's dropout, or that of its weights; `nil` when neither says any.
    static func dropout(_ section: JobSection, _ weights: WeightFolder?) -> Double? {
        if let dropout = section.number("dropout") { return dropout }
        guard let weights else { return nil }
        if weights.configuration.dropout == nil, !section.isWrong("dropout") {
            let found = weights.configuration
            section.mistake(
                "dropout",
                "is missing: \(weights.path)/config.json has attn_pdrop \(found.attentionDropout), "
                    + "embd_pdrop \(found.embeddingDropout) and resid_pdrop "
                    + "\(found.residualDropout); Oobleck has one for all, so name it"
            )
        }
        return weights.configuration.dropout
    }

    /// What the model computes otherwise than the published GPT-2: as its weights' configuration
    /// says, all of their position embeddings included.
    ///
    /// `tie_word_embeddings` of the job comes first, and must be there where the configuration ties
    /// a head that differs from the token embedding.
    static func variant(_ section: JobSection, _ weights: WeightFolder?) -> ModelVariant {
        var variant = weights?.model.variant ?? .published
        variant.positions = weights?.model.positionCount
        if let ties = section.flag("tie_word_embeddings") {
            variant.tiesHead = ties
        } else if let weights, contradictsTying(weights, section) {
            section.mistake(
                "initial_weights",
                "has a lm_head.weight that differs from transformer.wte.weight, though its "
                    + "config.json ties them (tie_word_embeddings); add tie_word_embeddings: false "
                    + "to keep the head, as transformers 5 does, or true to drop it, as 4 does"
            )
        }
        return variant
    }

    private static func contradictsTying(_ weights: WeightFolder, _ section: JobSection) -> Bool {
        do {
            return try weights.contradictsTying()
        } catch {
            section.mistake("initial_weights", "cannot be read: \(error)")
            return false
        }
    }
}

extension JobSection {
    func flag(_ key: String) -> Bool? {
        guard let text = text(key) else { return nil }
        guard let flag = ["true": true, "false": false][text.lowercased()] else {
            mistake(key, "is \"\(text)\"; it must be true or false")
            return nil
        }
        return flag
    }
}
