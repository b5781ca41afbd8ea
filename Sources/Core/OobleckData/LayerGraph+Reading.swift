import OobleckCore

extension LayerGraph {
    /// Largest file that is read.
    private static let largestFile = 256 << 20

    /// Reads a graph.
    ///
    /// Throws `.inputData`, with the node, when it is none, uses a value before it is there, or an
    /// operator that is not allowed (``AllowedOperators``).
    package init(contentsOf path: String) throws {
        try self.init(
            try JSONValue(contentsOf: path, limit: Self.largestFile),
            path: path
        )
    }

    package init(_ value: JSONValue, path: String) throws {
        let reader = GraphReader(path: path)
        guard let fields = value.fields, let inputs = fields["inputs"]?.integer,
            let nodes = fields["nodes"]?.array, let outputs = fields["outputs"]?.array,
            (0...1_000_000).contains(inputs)
        else { throw reader.fault("a graph has inputs, nodes and outputs") }
        inputCount = inputs
        self.nodes = try nodes.enumerated().map { index, node in
            try reader.node(node, index: index, slots: inputs + index)
        }
        let slots = inputs + nodes.count
        self.outputs = try outputs.map { output in
            guard let slot = output.integer, (0..<slots).contains(slot) else {
                throw reader.fault("output \(output) is no slot of \(slots)")
            }
            return slot
        }
    }
}

/// Reads the nodes of one file.
private struct GraphReader {
    let path: String

    func fault(_ what: String) -> OobleckError { OobleckError(.inputData, "\(path): \(what)") }

    func node(_ value: JSONValue, index: Int, slots: Int) throws -> LayerGraph.Node {
        guard let fields = value.fields, let name = fields["op"]?.string else {
            throw fault("node \(index) names no operator")
        }
        /// A field of the node, which may be left out.
        func field<Value>(
            _ key: String,
            _ kind: String,
            _ convert: (JSONValue) -> Value?
        ) throws -> Value? {
            guard let value = fields[key] else { return nil }
            guard let converted = convert(value) else {
                throw fault("node \(index) (\(name)): \(key) is \(value); it must be \(kind)")
            }
            return converted
        }
        let overload = try field("overload", "text", \.string) ?? ""
        guard AllowedOperators.contains(name, overload: overload) else {
            throw fault(
                "node \(index) calls \(name)\(overload.isEmpty ? "" : ".\(overload)"), which "
                    + "is not on the list of operators that a layer may call"
            )
        }
        func argument(_ value: JSONValue) throws -> LayerGraph.Argument {
            guard let argument = self.argument(value, slots: slots) else {
                throw fault("node \(index) (\(name)) has an argument that makes no sense: \(value)")
            }
            return argument
        }
        let keywords = try field("kwargs", "an object", \.fields)
        let arguments = try (field("args", "a list", \.array) ?? []).map(argument)
        if name == LayerGraph.getItem {
            guard arguments.count == 2, case .slot = arguments[0],
                case .integer(let result) = arguments[1], result >= 0
            else { throw fault("node \(index) takes a result, and needs a slot and an index") }
        }
        return LayerGraph.Node(
            name: name,
            overload: overload,
            arguments: arguments,
            keywords: try (keywords?.keys ?? []).map { key in
                (key, try argument(keywords?[key] ?? .null))
            },
            passesGradient: try field("grad", "true or false", \.boolean) ?? true,
            takesAutocast: try field("autocast", "true or false", \.boolean) ?? true
        )
    }

    /// An argument of a node that may use the first `slots` values; `nil` makes no sense.
    private func argument(_ value: JSONValue, slots: Int) -> LayerGraph.Argument? {
        switch value {
        case .null: return LayerGraph.Argument.none
        case .boolean(let truth): return .boolean(truth)
        case .string(let text): return .text(text)
        case .number(let text):
            if let whole = Int(text) { return .integer(whole) }
            return Double(text).map { .number($0) }
        case .array(let items): return list(items, slots: slots)
        case .object(let fields):
            guard fields.keys.count == 1, let key = fields.keys.first else { return nil }
            let value = fields[key]
            switch key {
            case "r": return slot(value, below: slots).map { .slot($0) }
            case "float": return value?.string.flatMap { Self.unusual[$0] }.map { .number($0) }
            case "dtype", "device", "layout", "memory_format":
                return value?.string.map { .property(kind: key, name: $0) }
            default: return nil
            }
        }
    }

    /// Numbers that JSON cannot write.
    private static let unusual: [String: Double] = [
        "inf": .infinity, "-inf": -.infinity, "nan": .nan,
    ]

    private func slot(_ value: JSONValue?, below end: Int) -> Int? {
        guard let slot = value?.integer, (0..<end).contains(slot) else { return nil }
        return slot
    }

    private func list(_ items: [JSONValue], slots: Int) -> LayerGraph.Argument? {
        let arguments = items.map { argument($0, slots: slots) }
        if items.isEmpty { return .integers([]) }
        let integers = arguments.compactMap {
            if case .integer(let value)? = $0 { value } else { nil }
        }
        if integers.count == items.count { return .integers(integers) }
        let booleans = arguments.compactMap {
            if case .boolean(let value)? = $0 { value } else { nil }
        }
        if booleans.count == items.count { return .booleans(booleans) }
        let numbers = arguments.compactMap { argument -> Double? in
            switch argument {
            case .number(let value)?: value
            case .integer(let value)?: Double(value)
            default: nil
            }
        }
        if numbers.count == items.count { return .numbers(numbers) }
        var places: [Int?] = []
        for argument in arguments {
            switch argument {
            case .slot(let slot)?: places.append(slot)
            case LayerGraph.Argument.none?: places.append(nil)
            default: return nil
            }
        }
        return .slots(places)
    }
}
