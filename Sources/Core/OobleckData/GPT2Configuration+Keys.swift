import OobleckCore

/// The treatment of each key of a GPT-2's `config.json`.
///
/// A key that is in none of these lists is unknown to the package's GPT-2 as well. Both ignore it,
/// and this program reports it.
extension GPT2Configuration {
    /// Other names that the package accepts for a size.
    static let aliases = [
        "n_embd": "hidden_size", "n_head": "num_attention_heads", "n_layer": "num_hidden_layers",
        "n_positions": "max_position_embeddings",
    ]

    /// Keys that the model is made of.
    static let supportedKeys: Set<String> = [
        "model_type", "architectures", "vocab_size", "n_embd", "n_head", "n_layer", "n_positions",
        "n_inner", "activation_function", "layer_norm_epsilon", "scale_attn_weights",
        "scale_attn_by_inverse_layer_idx", "tie_word_embeddings", "attn_pdrop", "embd_pdrop",
        "resid_pdrop",
    ]

    /// Keys with which the model is another one, unless they have one of the values given.
    static let refusedKeys: [(key: String, harmless: [JSONValue])] = [
        ("add_cross_attention", [.boolean(false), .null]),
        ("is_encoder_decoder", [.boolean(false), .null]),
        ("quantization_config", [.null]),
        ("auto_map", [.null]),
        ("pruned_heads", [.object(JSONValue.Fields()), .null]),
    ]

    /// Keys that do not change what the language model computes in float32: how it is stored, used
    /// and initialised, heads for other tasks, and in which order and precision attention is computed
    /// (`reorder_and_upcast_attn`).
    static let irrelevantKeys: Set<String> = [
        "reorder_and_upcast_attn", "use_cache", "initializer_range", "dtype", "torch_dtype",
        "transformers_version", "_name_or_path", "name_or_path", "n_ctx", "summary_type",
        "summary_use_proj", "summary_activation", "summary_proj_to_labels",
        "summary_first_dropout", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id",
        "unk_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id",
        "bad_words_ids", "begin_suppress_tokens", "suppress_tokens", "task_specific_params",
        "id2label", "label2id", "num_labels", "problem_type", "finetuning_task",
        "classifier_dropout", "output_attentions", "output_hidden_states",
        "output_past", "return_dict", "return_dict_in_generate", "output_scores", "torchscript",
        "is_decoder", "cross_attention_hidden_size", "tie_encoder_decoder", "tokenizer_class",
        "prefix", "use_bfloat16", "tf_legacy_loss", "attn_implementation",
        "_attn_implementation", "_attn_implementation_autoset", "chunk_size_feed_forward",
        "gradient_checkpointing", "do_sample", "early_stopping", "num_beams",
        "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p", "typical_p",
        "min_length", "max_length", "length_penalty", "repetition_penalty",
        "encoder_no_repeat_ngram_size", "no_repeat_ngram_size", "num_return_sequences",
        "exponential_decay_length_penalty", "remove_invalid_values",
    ]

    /// The package's names of the activations that we compute; some have several.
    static let activations: [String: ModelVariant.Activation] = [
        "gelu_new": .tanhGELU, "gelu_fast": .tanhGELU, "gelu_accurate": .tanhGELU,
        "gelu_pytorch_tanh": .tanhGELU, "gelu_python_tanh": .tanhGELU, "gelu": .gelu,
        "gelu_python": .gelu, "relu": .relu, "silu": .silu, "swish": .silu, "tanh": .tanh,
        "quick_gelu": .quickGELU,
    ]
}
