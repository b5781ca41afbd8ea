import OobleckCore

/// The digests by which two runs are compared.
///
/// A layer's digest is the SHA-256 of the data section of its state file: for each parameter in
/// layer order the parameter, `exp_avg` and `exp_avg_sq`, as little-endian float32, row-major
/// (``ParameterLayout/stateTensors(ofLayer:model:)``). A holder of the tensors can compute it with
/// ``SHA256Hasher`` and without a file.
package enum StateDigest {
    /// The header of a layer's state file.
    package static func header(ofLayer layer: Int, model: ModelSpecification) -> Safetensors.Header
    {
        Safetensors.Header(
            tensors: ParameterLayout.stateTensors(ofLayer: layer, model: model),
            metadata: ["format": "pt"]
        )
    }

    /// The digest of the layer whose state file is at `path`.
    ///
    /// Throws `.inputData`.
    package static func layer(fileAt path: String) throws -> String {
        try SafetensorsReader(path).digests().dataSection
    }

    /// The digest of the whole state after `step` committed steps, layers in order.
    package static func state(step: Int, layerDigests: [String]) -> String {
        var text = "step \(step)\n"
        for (layer, digest) in layerDigests.enumerated() { text += "layer \(layer) \(digest)\n" }
        return SHA256Hasher.hexadecimal(of: text)
    }
}
