import OobleckCore

/// Names and shapes of a model's parameters by layer.
package enum ParameterLayout {
    /// Name of the token embedding, of which a tied ``headWeight`` is a copy.
    package static let tokenEmbedding = "transformer.wte.weight"
    /// Name of the head's matrix, in the last layer: the token embedding where they are tied.
    package static let headWeight = "lm_head.weight"
    /// Name of the position embedding.
    package static let positionEmbedding = "transformer.wpe.weight"

    /// The parameters of a layer, all float32.
    package static func parameters(ofLayer layer: Int, model: ModelSpecification) -> [TensorShape] {
        precondition(0..<model.layerCount ~= layer, "layer \(layer) of \(model.layerCount)")
        switch model {
        case .gpt2(let model): return parameters(ofLayer: layer, model: model)
        case .imported(let model):
            return model.manifest.layers[layer].parameters.map { TensorShape($0.name, $0.shape) }
        }
    }

    /// The momentum of each of a layer's parameters that is a running statistic; `nil` for the others.
    package static func momenta(ofLayer layer: Int, model: ModelSpecification) -> [Double?] {
        switch model {
        case .gpt2: parameters(ofLayer: layer, model: model).map { _ in nil }
        case .imported(let model): model.manifest.layers[layer].parameters.map(\.momentum)
        }
    }

    /// The parameters that several layers use.
    package static func tiedParameters(of model: ModelSpecification) -> [TiedParameter] {
        switch model {
        case .gpt2(let model):
            guard model.tiesHead else { return [] }
            return [
                TiedParameter(uses: [
                    TiedParameter.Use(layer: 0, name: tokenEmbedding),
                    TiedParameter.Use(layer: model.layerCount - 1, name: headWeight),
                ])
            ]
        case .imported(let model):
            return model.manifest.tied.map { tied in
                TiedParameter(
                    uses: tied.layers.map { TiedParameter.Use(layer: $0, name: tied.name) }
                )
            }
        }
    }

    /// Those of a GPT-2, as the `transformers` package names them: embedding (0), blocks (1...), head
    /// (last).
    ///
    /// Linear weights are `[in, out]`, row-major (its `Conv1D`).
    package static func parameters(ofLayer layer: Int, model: GPT2Specification) -> [TensorShape] {
        let (hidden, inner) = (model.hidden, model.innerSize)
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
