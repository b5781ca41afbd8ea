import OobleckCore

extension GPT2Configuration {
    /// Largest file that is read.
    private static let largestFile = 16 << 20

    /// Reads a `config.json`.
    ///
    /// Every key that changes what the model computes is taken over, or refused by name and value
    /// (see the lists in `GPT2Configuration+Keys.swift`). Throws `.inputData` with the path.
    package init(contentsOf path: String) throws {
        let value = try JSONValue(contentsOf: path, limit: Self.largestFile)
        guard let fields = value.fields else {
            throw OobleckError(
                .inputData,
                "\(path) is not a GPT-2 configuration: it is \(value), not an object"
            )
        }
        try self.init(ConfigurationFields(path: path, fields: fields))
    }

    private init(_ fields: ConfigurationFields) throws {
        try Self.requireKind(fields)
        for (key, harmless) in Self.refusedKeys {
            guard let value = fields[key], !harmless.contains(value) else { continue }
            throw fields.error(key, value, "only \(harmless[0]) is supported")
        }
        let positions = try fields.size("n_positions")
        var variant = ModelVariant()
        if let inner = fields["n_inner"], inner != .null {
            variant.inner = try fields.size("n_inner")
        }
        variant.activation = try Self.activation(fields)
        variant.normEpsilon =
            try fields.number("layer_norm_epsilon", "above 0 and below 1") {
                $0 > 0 && $0 < 1
            } ?? variant.normEpsilon
        variant.scalesAttention =
            try fields.flag("scale_attn_weights") ?? variant.scalesAttention
        variant.scalesAttentionByBlock =
            try fields.flag("scale_attn_by_inverse_layer_idx") ?? variant.scalesAttentionByBlock
        variant.tiesHead = try fields.flag("tie_word_embeddings") ?? variant.tiesHead
        func dropout(_ key: String) throws -> Double {
            try fields.number(key, "at least 0 and below 1") { $0 >= 0 && $0 < 1 } ?? 0.1
        }
        let residualDropout = try dropout("resid_pdrop")
        self.init(
            GPT2Specification(
                name: "gpt2",
                blocks: try fields.size("n_layer"),
                hidden: try fields.size("n_embd"),
                heads: try fields.size("n_head"),
                vocabulary: try fields.size("vocab_size"),
                sequenceLength: positions,
                dropout: residualDropout,
                variant: variant
            )
        )
        attentionDropout = try dropout("attn_pdrop")
        embeddingDropout = try dropout("embd_pdrop")
        let known = Self.supportedKeys.union(Self.irrelevantKeys).union(Self.aliases.values)
            .union(Self.refusedKeys.map(\.key))
        unknownKeys = fields.keys.filter { !known.contains($0) }.sorted()
    }

    private static func requireKind(_ fields: ConfigurationFields) throws {
        if let kind = fields["model_type"], kind != .string("gpt2") {
            throw fields.error("model_type", kind, "only \"gpt2\" is supported")
        }
        // Classes of the package for other tasks have the same language model within.
        for kind in fields["architectures"]?.array ?? []
        where kind.string?.hasPrefix("GPT2") != true {
            throw fields.error("architectures", kind, "only those of GPT2 are supported")
        }
    }

    private static func activation(
        _ fields: ConfigurationFields
    ) throws -> ModelVariant.Activation {
        let key = "activation_function"
        guard let value = fields[key] else { return .tanhGELU }
        guard let activation = value.string.flatMap({ activations[$0] }) else {
            let known = activations.keys.sorted().joined(separator: ", ")
            throw fields.error(key, value, "supported are \(known)")
        }
        return activation
    }
}

/// The keys of a configuration with their checks.
private struct ConfigurationFields {
    let path: String
    let fields: JSONValue.Fields

    var keys: [String] { fields.keys }

    subscript(_ key: String) -> JSONValue? { fields[key] }

    func error(_ key: String, _ value: JSONValue, _ wanted: String) -> OobleckError {
        OobleckError(
            .inputData,
            "\(path) is not a GPT-2 configuration that Oobleck computes: \(key) is \(value); "
                + wanted
        )
    }

    /// A size that must be there, under its own name or its alias.
    func size(_ key: String) throws -> Int {
        let other = GPT2Configuration.aliases[key]
        let values = [key, other].compactMap { $0 }.compactMap { name in
            fields[name].map { (name, $0) }
        }
        guard let (name, value) = values.first else {
            throw OobleckError(
                .inputData,
                "\(path) is not a GPT-2 configuration: \(key) is missing"
            )
        }
        if values.count > 1, values[1].1 != value {
            throw error(values[1].0, values[1].1, "\(key) is \(value), and both mean the same")
        }
        guard let size = value.integer, 1...1_000_000_000 ~= size else {
            throw error(name, value, "it must be a whole number, 1 to 1000000000")
        }
        return size
    }

    func flag(_ key: String) throws -> Bool? {
        guard let value = fields[key] else { return nil }
        guard let flag = value.boolean else { throw error(key, value, "it must be true or false") }
        return flag
    }

    func number(
        _ key: String,
        _ range: String,
        _ isRight: (Double) -> Bool
    ) throws -> Double? {
        guard let value = fields[key] else { return nil }
        guard let number = value.double, isRight(number) else {
            throw error(key, value, "it must be a number \(range)")
        }
        return number
    }
}
