import OobleckCore

/// A failure to stage, of a node or of the coordinator.
enum StagedFault {
    case node(PlannedFault)
    case coordinator(CoordinatorFault)

    /// Reads `node=2,point=mid-forward,step=7,target=worker` or
    /// `coordinator,point=after-record,step=3`.
    ///
    /// Throws one line.
    init(argument: String) throws {
        let prefix = "coordinator,"
        guard argument.hasPrefix(prefix) else {
            self = .node(try PlannedFault(argument: argument))
            return
        }
        self = .coordinator(
            try CoordinatorFault(argument: argument, parts: argument.dropFirst(prefix.count))
        )
    }
}

extension CoordinatorFault {
    fileprivate init(argument: String, parts: Substring) throws {
        func error(_ what: String) -> OobleckError {
            OobleckError(.usage, "--fault \(argument) \(what)")
        }
        var values: [String: String] = [:]
        for part in parts.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, ["point", "step"].contains(pair[0]), values[pair[0]] == nil
            else {
                throw error("does not understand \"\(part)\"")
            }
            values[pair[0]] = pair[1]
        }
        guard let step = values["step"].flatMap(Int.init), step >= 0 else {
            throw error("needs step=NUMBER, counted from 0")
        }
        guard let point = values["point"].flatMap(CoordinatorFailurePoint.init) else {
            let points = CoordinatorFailurePoint.allCases.map(\.rawValue).joined(separator: ", ")
            throw error("needs point=, one of \(points)")
        }
        self.init(point: point, step: step)
    }
}

extension PlannedFault {
    /// Reads `node=2,point=mid-forward,step=7,target=worker`.
    ///
    /// Throws one line.
    init(argument: String) throws {
        var values: [String: String] = [:]
        for part in argument.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            let keys = ["node", "point", "step", "target"]
            guard pair.count == 2, keys.contains(pair[0]), values[pair[0]] == nil else {
                throw Self.error(argument, "does not understand \"\(part)\"")
            }
            values[pair[0]] = pair[1]
        }
        guard let node = values["node"].flatMap(Int.init), node >= 0 else {
            throw Self.error(argument, "needs node=NUMBER")
        }
        guard let step = values["step"].flatMap(Int.init), step >= 0 else {
            throw Self.error(argument, "needs step=NUMBER, counted from 0")
        }
        guard let point = values["point"].flatMap(FailurePoint.init) else {
            let points = FailurePoint.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.error(argument, "needs point=, one of \(points)")
        }
        let target = values["target"] ?? Target.node.rawValue
        guard let target = Target(rawValue: target) else {
            let targets = Target.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.error(argument, "needs target=, one of \(targets)")
        }
        self.init(node: NodeID(node), point: point, step: step, target: target)
    }

    private static func error(_ argument: String, _ what: String) -> OobleckError {
        OobleckError(.usage, "--fault \(argument) \(what)")
    }
}
