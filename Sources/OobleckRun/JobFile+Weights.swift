import OobleckCore
import OobleckData

/// What a job takes over from its initial weights, unless it says otherwise.
extension JobFile {
    /// The job's dropout, or that of its weights; `nil` when neither says any.
    static func dropout(_ section: JobSection, _ weights: WeightFolder?) throws -> Double? {
        if let dropout = try section.number("dropout") { return dropout }
        guard let weights else { return nil }
        guard let dropout = weights.configuration.dropout else {
            let found = weights.configuration
            throw section.error(
                "dropout",
                "is missing: \(weights.path)/config.json has attn_pdrop \(found.attentionDropout), "
                    + "embd_pdrop \(found.embeddingDropout) and resid_pdrop "
                    + "\(found.residualDropout); Oobleck has one for all, so name it"
            )
        }
        return dropout
    }

    /// What the model computes otherwise than the published GPT-2: as its weights' configuration
    /// says, all of their position embeddings included.
    ///
    /// `tie_word_embeddings` of the job comes first, and must be there where the configuration ties
    /// a head that differs from the token embedding.
    static func variant(_ section: JobSection, _ weights: WeightFolder?) throws -> ModelVariant {
        var variant = weights?.model.variant ?? .published
        variant.positions = weights?.model.positionCount
        if let ties = try section.flag("tie_word_embeddings") {
            variant.tiesHead = ties
        } else if let weights, try weights.contradictsTying() {
            throw section.error(
                "initial_weights",
                "has a lm_head.weight that differs from transformer.wte.weight, though its "
                    + "config.json ties them (tie_word_embeddings); add tie_word_embeddings: false "
                    + "to keep the head, as transformers 5 does, or true to drop it, as 4 does"
            )
        }
        return variant
    }
}

extension JobSection {
    func flag(_ key: String) throws -> Bool? {
        guard let text = try text(key) else { return nil }
        guard let flag = ["true": true, "false": false][text.lowercased()] else {
            throw error(key, "is \"\(text)\"; it must be true or false")
        }
        return flag
    }
}
