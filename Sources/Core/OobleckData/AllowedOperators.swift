/// The operators that a layer's graph may call: those of arithmetic and shape.
///
/// A graph comes from an untrusted file. None of these operators opens a file, starts a process,
/// draws random numbers of its own or runs code. `aten::dropout` draws masks that follow from the
/// run's seed.
package enum AllowedOperators {
    /// Whether a graph may call the operator.
    ///
    /// Overloads that write into a tensor that they are given are not allowed.
    package static func contains(_ name: String, overload: String) -> Bool {
        if name == LayerGraph.getItem { return true }
        guard name.hasPrefix("aten::"), overload != "out", !overload.hasSuffix("_out"),
            !namedAfterResults.contains(overload)
        else { return false }
        return names.contains(String(name.dropFirst("aten::".count)))
    }

    /// Further overloads that write into what they are given: they have the names of the results.
    private static let namedAfterResults: Set<String> = [
        "dim_max", "names_dim_max", "dim_min", "names_dim_min", "values", "values_stable",
        "dimname_values", "dimname_values_stable",
    ]

    private static let names: Set<String> = Set(
        arithmetic + comparison + shape + creation + selection + networks + losses + inPlace
    )

    private static let arithmetic = [
        "abs", "add", "addcdiv", "addcmul", "addmm", "baddbmm", "bmm", "ceil", "clamp", "clamp_max",
        "clamp_min", "clip", "cos", "cumprod", "cumsum", "div", "einsum", "erf", "exp", "exp2",
        "expm1", "floor", "floor_divide", "fmod", "frac", "linalg_vector_norm", "log", "log10",
        "log1p", "log2", "logsumexp", "matmul", "mean", "mm", "mul", "multiply", "mv", "neg",
        "norm",
        "outer", "pow", "prod", "reciprocal", "remainder", "round", "rsqrt", "rsub", "sign", "sin",
        "sqrt", "square", "std", "sub", "subtract", "sum", "tan", "tanh", "true_divide", "trunc",
        "var", "var_mean", "diff", "dot", "addbmm", "linear", "sigmoid",
    ]

    private static let comparison = [
        "__and__", "__or__", "__xor__", "all", "any", "argmax", "argmin", "argsort", "bitwise_and",
        "bitwise_not", "bitwise_or",
        "bitwise_xor", "eq", "ge", "gt", "isinf", "isfinite", "isnan", "le", "logical_and",
        "logical_not", "logical_or", "logical_xor", "lt", "max", "maximum", "min", "minimum", "ne",
        "searchsorted", "sort", "topk", "histc", "bincount", "amax", "amin", "bucketize",
    ]

    private static let shape = [
        "alias", "broadcast_tensors", "broadcast_to", "cat", "chunk", "clone", "concat",
        "contiguous", "detach",
        "expand", "expand_as", "flatten", "flip", "movedim", "narrow", "pad", "permute", "repeat",
        "repeat_interleave", "reshape", "reshape_as", "roll", "slice", "slice_scatter", "split",
        "split_with_sizes", "squeeze", "stack", "swapaxes", "t", "tile", "transpose", "tril",
        "triu",
        "type_as", "unbind", "unflatten", "unfold", "unsqueeze", "view", "view_as",
        "constant_pad_nd",
        "to", "_to_copy", "lift_fresh_copy", "lift_fresh", "float", "im2col", "numpy_T", "mT",
        "select_scatter", "tensor_split", "hstack", "vstack", "meshgrid", "diagonal", "detach_",
    ]

    private static let creation = [
        "arange", "eye", "full", "full_like", "linspace", "new_full", "new_ones",
        "new_zeros", "ones", "ones_like", "scalar_tensor", "zeros", "zeros_like",
        "tril_indices", "triu_indices", "one_hot",
    ]

    private static let selection = [
        "embedding", "gather", "index", "index_add", "index_put", "index_select", "masked_fill",
        "masked_scatter", "scatter", "scatter_add", "select", "take", "take_along_dim", "where",
        "isin",
    ]

    private static let networks = [
        "_log_softmax", "_softmax", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d",
        "avg_pool2d", "batch_norm", "celu", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
        "conv_transpose2d",
        "dropout", "elu", "gelu", "glu", "group_norm", "hardsigmoid", "hardswish", "hardtanh",
        "instance_norm", "layer_norm", "leaky_relu", "log_sigmoid", "log_softmax", "max_pool1d",
        "max_pool2d", "mish", "native_group_norm", "native_layer_norm", "prelu", "relu", "relu6",
        "rms_norm", "scaled_dot_product_attention", "selu", "silu", "softmax", "softplus",
        "upsample_bicubic2d", "upsample_bilinear2d", "upsample_nearest2d", "pixel_shuffle",
        "pixel_unshuffle", "convolution", "cosine_similarity", "normalize", "adaptive_max_pool2d",
        "_grouped_mm",
    ]

    private static let losses = [
        "binary_cross_entropy_with_logits", "cross_entropy_loss", "huber_loss", "kl_div", "l1_loss",
        "mse_loss", "nll_loss", "nll_loss_nd", "smooth_l1_loss",
    ]

    /// Those that write over a value of the graph itself.
    private static let inPlace = [
        "add_", "clamp_", "copy_", "div_", "exp_", "fill_", "index_add_", "index_put_",
        "masked_fill_", "mul_", "neg_", "relu_", "scatter_", "silu_", "squeeze_", "sub_",
        "unsqueeze_", "zero_", "clamp_min_", "clamp_max_", "index_fill_", "logical_not_", "gelu_",
        "tanh_",
        "sigmoid_", "hardtanh_", "leaky_relu_", "elu_", "transpose_", "t_", "scatter_add_",
    ]
}
