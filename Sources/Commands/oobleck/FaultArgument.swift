import OobleckCore
import OobleckRuntime

/// The failures that `--fault` stages.
extension RunFaults {
    /// Reads each of `arguments`; throws one line.
    init(_ arguments: [String]) throws {
        self.init()
        let prefix = "coordinator,"
        for argument in arguments {
            if argument.hasPrefix(prefix) {
                coordinator.append(
                    try CoordinatorFault(
                        argument: argument,
                        fields: String(argument.dropFirst(prefix.count))
                    )
                )
            } else {
                try add(argument)
            }
        }
    }

    private enum Kind: String, CaseIterable {
        case kill
        case nan
        case slow
        case flip
        case memory
        case miscompute

        var keys: [String] {
            switch self {
            case .kill: ["node", "point", "step", "target", "device"]
            case .nan: ["step", "microbatch", "layer", "pass"]
            case .slow: ["node", "factor", "step", "until"]
            case .flip: ["node", "layer", "step", "point"]
            case .memory, .miscompute: ["node", "step"]
            }
        }
    }

    private mutating func add(_ argument: String) throws {
        var fields = FaultFields(argument)
        let kind = try fields.choice("kind", of: Kind.self, Kind.kill)
        try fields.parse(keys: ["kind"] + kind.keys)
        let step = try fields.number("step", hint: ", counted from 0")
        switch kind {
        case .kill:
            deaths.append(
                PlannedFault(
                    node: NodeID(try fields.number("node")),
                    point: try fields.choice("point", of: FailurePoint.self, nil),
                    step: step,
                    target: try fields.choice("target", of: PlannedFault.Target.self, .node),
                    device: fields.has("device") ? try fields.number("device") : nil
                )
            )
        case .nan:
            staged.numbers.append(
                NumberFault(
                    step: step,
                    microbatch: try fields.number("microbatch"),
                    layer: try fields.number("layer"),
                    pass: try fields.choice("pass", of: NumberFault.Pass.self, .forward)
                )
            )
        case .slow:
            staged.slowness.append(
                SlownessFault(
                    node: NodeID(try fields.number("node")),
                    factor: try fields.factor("factor"),
                    step: step,
                    endStep: fields.has("until") ? try fields.number("until") : Int.max
                )
            )
        case .memory:
            let node = NodeID(try fields.number("node"))
            staged.shortages.append(MemoryFault(node: node, step: step))
        case .miscompute:
            let fault = MiscomputationFault(node: NodeID(try fields.number("node")), step: step)
            staged.miscomputations = (staged.miscomputations ?? []) + [fault]
        case .flip:
            staged.flips.append(
                BitFlipFault(
                    node: NodeID(try fields.number("node")),
                    layer: try fields.number("layer"),
                    step: step,
                    moment: try fields.choice("point", of: BitFlipFault.Moment.self, .beforeStep)
                )
            )
        }
    }
}

/// The fields of one `--fault`: `node=2,point=mid-forward,step=7,target=worker`.
private struct FaultFields {
    private let argument: String
    private var values: [String: String] = [:]

    init(_ argument: String) {
        self.argument = argument
        // The kind decides which other fields there are.
        for part in argument.split(separator: ",") where part.hasPrefix("kind=") {
            values["kind"] = String(part.dropFirst("kind=".count))
        }
    }

    mutating func parse(keys: [String]) throws { try parse(argument, keys: keys) }

    mutating func parse(_ text: String, keys: [String]) throws {
        var found: [String: String] = [:]
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, keys.contains(pair[0]), found[pair[0]] == nil else {
                throw error("does not understand \"\(part)\"; it knows \(list(keys))")
            }
            found[pair[0]] = pair[1]
        }
        values = found
    }

    func has(_ key: String) -> Bool { values[key] != nil }

    func number(_ key: String, hint: String = "") throws -> Int {
        guard let number = values[key].flatMap(Int.init), number >= 0 else {
            throw error("needs \(key)=NUMBER\(hint)")
        }
        return number
    }

    func factor(_ key: String) throws -> Double {
        guard let factor = values[key].flatMap(Double.init), factor > 1, factor.isFinite else {
            throw error("needs \(key)=NUMBER above 1")
        }
        return factor
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String,
        of type: Choice.Type,
        _ standard: Choice?
    ) throws -> Choice {
        if values[key] == nil, let standard { return standard }
        guard let choice = values[key].flatMap(Choice.init) else {
            throw error("needs \(key)=, one of \(list(Choice.allCases.map(\.rawValue)))")
        }
        return choice
    }

    private func list(_ names: [String]) -> String { names.joined(separator: ", ") }

    private func error(_ what: String) -> OobleckError {
        OobleckError(.usage, "--fault \(argument) \(what)")
    }
}

extension CoordinatorFault {
    /// Reads the `fields` of `argument`: `point=after-record,step=3`.
    fileprivate init(argument: String, fields text: String) throws {
        var fields = FaultFields(argument)
        try fields.parse(text, keys: ["point", "step"])
        self.init(
            point: try fields.choice("point", of: CoordinatorFailurePoint.self, nil),
            step: try fields.number("step", hint: ", counted from 0")
        )
    }
}
