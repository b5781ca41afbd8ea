extension Refusal {
    /// Writes all but the node.
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        func cause(_ name: String) throws { try fields.encode(name, forKey: .cause) }
        switch self {
        case .misfit(let who, let misfit):
            try cause("misfit")
            try fields.encode(who, forKey: .who)
            try fields.encode(misfit.obstacle, forKey: .obstacle)
            try fields.encode(misfit.reason, forKey: .reason)
        case .outsider(_, let side, let wasAdmitted):
            try cause("outsider")
            try fields.encode(side, forKey: .side)
            try fields.encode(wasAdmitted, forKey: .wasAdmitted)
        case .differs(_, let reason):
            try cause("differs")
            try fields.encode(reason, forKey: .reason)
        case .quarantined(let name, let reason):
            try cause("quarantined")
            try fields.encode(name, forKey: .name)
            try fields.encode(reason, forKey: .reason)
        case .drain(_, let obstacle):
            try cause("drain")
            try fields.encode(obstacle, forKey: .obstacle)
        }
    }

    init(_ node: NodeID?, _ fields: EventFields) throws {
        let cause: String = try fields[.cause]
        self =
            switch cause {
            case "misfit":
                .misfit(
                    who: try fields[.who],
                    Misfit(try fields[.obstacle], reason: try fields[.reason])
                )
            case "outsider":
                .outsider(
                    try fields.node(node),
                    try fields[.side],
                    wasAdmitted: try fields[.wasAdmitted]
                )
            case "differs": .differs(try fields.node(node), reason: try fields[.reason])
            case "quarantined":
                .quarantined(name: try fields[.name], reason: try fields[.reason])
            case "drain": .drain(try fields.node(node), try fields[.obstacle])
            default: throw fields.unknown(.cause, cause)
            }
    }
}

extension Damage {
    /// Writes all but the node.
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        switch self {
        case .copies(_, let layers):
            try fields.encode("copies", forKey: .cause)
            try fields.encode(layers, forKey: .layers)
        case .undecided(let layer, let nodes):
            try fields.encode("undecided", forKey: .cause)
            try fields.encode([layer], forKey: .layers)
            try fields.encode(nodes, forKey: .nodes)
        case .differentBits(let layer, let nodes):
            try fields.encode("different-bits", forKey: .cause)
            try fields.encode([layer], forKey: .layers)
            try fields.encode(nodes, forKey: .nodes)
        }
    }

    init(_ node: NodeID?, _ fields: EventFields) throws {
        let cause: String = try fields[.cause]
        let layers: [NamedLayer] = try fields[.layers]
        switch (cause, layers.first) {
        case ("copies", _): self = .copies(try fields.node(node), layers)
        case ("undecided", let layer?): self = .undecided(layer, try fields[.nodes])
        case ("different-bits", let layer?): self = .differentBits(layer, try fields[.nodes])
        default: throw fields.unknown(.cause, cause)
        }
    }
}

extension StopEnd {
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        switch self {
        case .finalState: try fields.encode("final-state", forKey: .end)
        case .step(let step):
            try fields.encode("step", forKey: .end)
            try fields.encode(step, forKey: .endStep)
        case .evaluation(let step):
            try fields.encode("evaluation", forKey: .end)
            try fields.encode(step, forKey: .endStep)
        }
    }

    init(_ fields: EventFields) throws {
        let end: String = try fields[.end]
        self =
            switch end {
            case "final-state": .finalState
            case "step": .step(try fields[.endStep])
            case "evaluation": .evaluation(ofStep: try fields[.endStep])
            default: throw fields.unknown(.end, end)
            }
    }
}

extension FailedCheckpoint {
    /// Writes all but the node.
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        try fields.encode(step, forKey: .checkpointStep)
        try fields.encode(reason, forKey: .reason)
        try fields.encode(failuresInARow, forKey: .failuresInARow)
    }

    init(_ node: NodeID?, _ fields: EventFields) throws {
        self.init(
            step: try fields[.checkpointStep],
            node: node,
            reason: try fields[.reason],
            failuresInARow: try fields[.failuresInARow]
        )
    }
}
