/// What makes no sense in a manifest that others wrote.
extension ImportManifest {
    private static let largestSize = 1 << 40
    /// Largest microbatch, sequence and vocabulary: products with the samples of a step fit an `Int`.
    private static let mostOfOne = 1 << 31
    /// The file of all layers' constants.
    package static let constantsName = "constants.safetensors"

    /// The first thing that does not hold, for people; `nil` when all does.
    package var problem: String? {
        guard version == Self.formatVersion else {
            return "it has version \(version); this program reads \(Self.formatVersion)"
        }
        guard !layers.isEmpty else { return "it has no layers" }
        return sizeProblem ?? batchProblem
            ?? layers.indices.lazy.compactMap { layerProblem($0) }.first ?? tiedProblem
            ?? lossProblem
    }

    private var sizeProblem: String? {
        let sizes = [
            ("microbatch", microbatch), ("sequence", sequence ?? 1),
            ("vocabulary", vocabulary ?? 1),
        ]
        for (name, size) in sizes where !(1...Self.mostOfOne).contains(size) {
            return "\(name) is \(size); it must be positive, and at most \(Self.mostOfOne)"
        }
        let constants = Set(layers.flatMap { $0.constants.map(\.name) })
        if let name = frozen?.first(where: { !constants.contains($0) }) {
            return "the parameter \(name) that stays as it is is none of the constants"
        }
        if let counter = counters?.first(where: { !(0...Self.largestSize).contains($0.value) }) {
            return "the counter \(counter.key) is \(counter.value)"
        }
        let others = constants.union(layers.flatMap { $0.parameters.map(\.name) })
        if let name = counters?.keys.first(where: { others.contains($0) || $0 == "__metadata__" }) {
            return "the counter \(name) has the name of another tensor"
        }
        if let file = files.keys.sorted().first(where: { !Self.isFileName($0) }) {
            return "file \(file) is not in its folder"
        }
        return nil
    }

    private var batchProblem: String? {
        guard Set(batch.map(\.name)).count == batch.count else {
            return "two tensors of the batch have one name"
        }
        for tensor in batch {
            guard tensor.shape.first == microbatch, Self.isSize(tensor.shape) else {
                return "batch tensor \(tensor.name) has shape \(tensor.shape); it must begin with "
                    + "the microbatch (\(microbatch))"
            }
            switch tensor.role {
            case .tokens, .nextTokens, .maskedTokens, .maskTargets:
                guard let sequence, tensor.shape == [microbatch, sequence], tensor.kind == .int64
                else { return "batch tensor \(tensor.name) is not [microbatch, sequence] of int64" }
            case .ones, .column: continue
            }
        }
        return nil
    }

    private func layerProblem(_ index: Int) -> String? {
        let layer = layers[index]
        let what = "layer \(index) (\(layer.name))"
        for file in [layer.graph] + (layer.weights.map { [$0] } ?? [])
            + (layer.constants.isEmpty ? [] : [Self.constantsName])
        {
            guard files[file] != nil else {
                return "\(what) names file \(file), which is not among its files"
            }
        }
        if let count = layer.operations, !(0...Int.max / 4).contains(count) {
            return "\(what) has \(count) operations"
        }
        // The moments of AdamW stand beside each parameter in a layer's state.
        let names = layer.parameters.flatMap { parameter in
            ["", ".exp_avg", ".exp_avg_sq"].map { parameter.name + $0 }
        }
        guard Set(names).count == names.count else {
            return "\(what) has two parameters of one name"
        }
        for parameter in layer.parameters {
            guard parameter.kind == .float32, Self.isSize(parameter.shape) else {
                return "\(what): parameter \(parameter.name) is \(parameter.kind.rawValue) "
                    + "\(parameter.shape); parameters are float32"
            }
            if let problem = parameter.problem(hasWeights: layer.weights != nil) {
                return "\(what): parameter \(parameter.name) \(problem)"
            }
        }
        let behind = layer.parameters.drop { $0.momentum == nil }
        guard behind.allSatisfy({ $0.momentum.map { $0 > 0 && $0 <= 1 } ?? false }) else {
            return "\(what): running statistics have a momentum from 0 to 1, and stand behind the "
                + "parameters"
        }
        let known = Set(batch.map(\.name))
        if let name = layer.batch.first(where: { !known.contains($0) }) {
            return "\(what) takes \(name), which the batch does not have"
        }
        let tensors = layer.receives + layer.constants + layer.sends
        guard tensors.allSatisfy({ Self.isSize($0.shape) }) else {
            return "\(what) has a shape that makes no sense"
        }
        let sent = index == 0 ? [] : layers[index - 1].sends
        guard layer.receives == sent else {
            return "\(what) does not receive what the layer before sends"
        }
        return nil
    }

    private var tiedProblem: String? {
        var uses: [String: [(layer: Int, parameter: Parameter)]] = [:]
        for (index, layer) in layers.enumerated() {
            for parameter in layer.parameters {
                uses[parameter.name, default: []].append((index, parameter))
            }
        }
        for parameter in tied {
            let found = uses[parameter.name] ?? []
            guard found.count > 1, found.map(\.layer) == parameter.layers else {
                return
                    "tied parameter \(parameter.name) is in layers \(found.map(\.layer)), and not "
                    + "\(parameter.layers)"
            }
            // Copies that start alike stay alike.
            guard found.allSatisfy({ $0.parameter == found[0].parameter }),
                found[0].parameter.momentum == nil
            else {
                return "tied parameter \(parameter.name) is not the same in layers "
                    + "\(parameter.layers)"
            }
        }
        let listed = Set(tied.map(\.name))
        guard listed.count == tied.count else { return "a parameter is tied twice" }
        for name in uses.keys.sorted() where !listed.contains(name) {
            guard uses[name]?.count == 1 else {
                return "parameter \(name) is in several layers, and not among the tied ones"
            }
        }
        return nil
    }

    private var lossProblem: String? {
        guard loss.layer == layers.count - 1 else {
            return "the loss is in layer \(loss.layer); it must be in the last, \(layers.count - 1)"
        }
        let results = layers[loss.layer].sends.prefix(2)
        guard loss.sum, loss.count, loss.targets ?? 1 > 0,
            results.map(\.kind) == [.float32, .int64], results.allSatisfy({ $0.elementCount == 1 })
        else {
            return "the loss must be a sum with the count of its targets"
        }
        return nil
    }

    /// Whether it names a file of the folder itself.
    private static func isFileName(_ name: String) -> Bool {
        !["", ".", ".."].contains(name) && !name.contains("/")
    }

    /// Whether a shape has sizes of at least one, and not more elements than there can be.
    private static func isSize(_ shape: [Int]) -> Bool {
        var count = 1
        for size in shape {
            guard size > 0, size <= largestSize / count else { return false }
            count *= size
        }
        return true
    }
}

extension ImportManifest.Parameter {
    /// What is wrong with how it starts; follows its name.
    fileprivate func problem(hasWeights: Bool) -> String? {
        let rows = shape.first ?? 0
        if let row = initial.zeroRows?.first(where: { !(0..<rows).contains($0) }) {
            return "has no row \(row)"
        }
        let numbers = [
            initial.mean, initial.deviation, initial.low, initial.high, initial.value,
        ].compactMap { $0 }
        guard numbers.allSatisfy(\.isFinite), (initial.deviation ?? 1) >= 0 else {
            return "starts with numbers that make no sense"
        }
        let isComplete =
            switch initial.kind {
            case .normal: initial.deviation != nil
            case .truncatedNormal:
                (initial.deviation ?? 0) > 0 && (initial.low ?? 1) < (initial.high ?? 0)
            case .uniform: (initial.low ?? 1) <= (initial.high ?? 0)
            case .constant: initial.value != nil
            case .stored: hasWeights
            }
        return isComplete ? nil : "does not say how it starts"
    }
}
