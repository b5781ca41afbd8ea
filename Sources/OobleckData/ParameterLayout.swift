import OobleckCore

/// Names and shapes of a GPT-2's parameters by layer, as the `transformers` package names them.
///
/// Linear weights are `[in, out]`, row-major (its `Conv1D`).
package enum ParameterLayout {
    /// Name of the token embedding, of which a tied ``headWeight`` is a copy.
    package static let tokenEmbedding = "transformer.wte.weight"
    /// Name of the head's matrix, in the last layer: the token embedding where they are tied.
    package static let headWeight = "lm_head.weight"
    /// Name of the position embedding.
    package static let positionEmbedding = "transformer.wpe.weight"

    /// Whether a parameter is one of the two copies of a tied matrix.
    package static func isTied(_ parameter: TensorShape, in model: ModelSpecification) -> Bool {
        model.tiesHead && [tokenEmbedding, headWeight].contains(parameter.name)
    }

    /// The parameters of a layer: embedding (0), blocks (1...), head (last).
    package static func parameters(ofLayer layer: Int, model: ModelSpecification) -> [TensorShape] {
        let (hidden, inner) = (model.hidden, model.innerSize)
        precondition(0..<model.layerCount ~= layer, "layer \(layer) of \(model.layerCount)")
        if layer == 0 {
            return [
                TensorShape(tokenEmbedding, [model.vocabulary, hidden]),
                TensorShape(positionEmbedding, [model.positionCount, hidden]),
            ]
        }
        if layer == model.layerCount - 1 {
            return [
                TensorShape("transformer.ln_f.weight", [hidden]),
                TensorShape("transformer.ln_f.bias", [hidden]),
                TensorShape(headWeight, [model.vocabulary, hidden]),
            ]
        }
        let block = "transformer.h.\(layer - 1)"
        return [
            TensorShape("\(block).ln_1.weight", [hidden]),
            TensorShape("\(block).ln_1.bias", [hidden]),
            TensorShape("\(block).attn.c_attn.weight", [hidden, 3 * hidden]),
            TensorShape("\(block).attn.c_attn.bias", [3 * hidden]),
            TensorShape("\(block).attn.c_proj.weight", [hidden, hidden]),
            TensorShape("\(block).attn.c_proj.bias", [hidden]),
            TensorShape("\(block).ln_2.weight", [hidden]),
            TensorShape("\(block).ln_2.bias", [hidden]),
            TensorShape("\(block).mlp.c_fc.weight", [hidden, inner]),
            TensorShape("\(block).mlp.c_fc.bias", [inner]),
            TensorShape("\(block).mlp.c_proj.weight", [inner, hidden]),
            TensorShape("\(block).mlp.c_proj.bias", [hidden]),
        ]
    }

    /// The tensors of a layer's state file: each parameter with both moments of AdamW behind it.
    package static func stateTensors(
        ofLayer layer: Int,
        model: ModelSpecification
    ) -> [TensorShape] {
        parameters(ofLayer: layer, model: model).flatMap { parameter in
            ["", ".exp_avg", ".exp_avg_sq"].map { suffix in
                TensorShape(parameter.name + suffix, parameter.dimensions)
            }
        }
    }
}
