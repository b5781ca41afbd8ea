extension CheckpointRequest {
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        switch self {
        case .jobSavesNone: try fields.encode("job-saves-none", forKey: .cause)
        case .noted: try fields.encode("noted", forKey: .cause)
        case .saved(let step):
            try fields.encode("saved", forKey: .cause)
            try fields.encode(step, forKey: .checkpointStep)
        }
    }

    init(_ fields: EventFields) throws {
        let cause: String = try fields[.cause]
        self =
            switch cause {
            case "job-saves-none": .jobSavesNone
            case "noted": .noted
            case "saved": .saved(step: try fields[.checkpointStep])
            default: throw fields.unknown(.cause, cause)
            }
    }
}

extension IsolationCause {
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        switch self {
        case .silence(let nodes, let limit):
            try fields.encode("silence", forKey: .cause)
            try fields.encode(nodes, forKey: .nodes)
            try fields.encode(limit, forKey: .limitSeconds)
        case .dropped: try fields.encode("dropped", forKey: .cause)
        }
    }

    init(_ fields: EventFields) throws {
        let cause: String = try fields[.cause]
        self =
            switch cause {
            case "silence": .silence(try fields[.nodes], limit: try fields[.limitSeconds])
            case "dropped": .dropped
            default: throw fields.unknown(.cause, cause)
            }
    }
}

extension Reconnected {
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        switch self {
        case .heard(let time, let silent):
            try fields.encode("heard", forKey: .cause)
            try fields.encode(time, forKey: .afterSeconds)
            try fields.encode(silent, forKey: .without)
        case .restarted(let term, let time, let workers):
            try fields.encode("restarted", forKey: .cause)
            try fields.encode(term, forKey: .term)
            try fields.encode(time, forKey: .afterSeconds)
            try fields.encode(workers, forKey: .workers)
        }
    }

    init(_ fields: EventFields) throws {
        let cause: String = try fields[.cause]
        self =
            switch cause {
            case "heard":
                .heard(after: try fields[.afterSeconds], without: try fields[.without])
            case "restarted":
                .restarted(
                    term: try fields[.term],
                    after: try fields[.afterSeconds],
                    workers: try fields[.workers]
                )
            default: throw fields.unknown(.cause, cause)
            }
    }
}

extension StorageTrouble {
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        switch self {
        case .failing(let reason, let advice):
            try fields.encode("failing", forKey: .cause)
            try fields.encode(reason, forKey: .reason)
            try fields.encodeIfPresent(advice, forKey: .advice)
        case .silent: try fields.encode("silent", forKey: .cause)
        }
    }

    init(_ fields: EventFields) throws {
        let cause: String = try fields[.cause]
        self =
            switch cause {
            case "failing":
                .failing(reason: try fields[.reason], advice: try fields.optional(.advice))
            case "silent": .silent
            default: throw fields.unknown(.cause, cause)
            }
    }
}
