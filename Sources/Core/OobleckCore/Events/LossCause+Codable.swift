extension LossCause {
    /// The names of the causes in the file.
    private enum Name: String, Codable, CaseIterable {
        case reported, silent, disconnected, doubled, unprepared, stuck, cut, damaged
        case notReady = "not-ready"
        case notBack = "not-back"
        case outOfMemory = "out-of-memory"
        case layersNotHandedIn = "layers-not-handed-in"
        case wrongBits = "wrong-bits"
        case arithmeticChanged = "arithmetic-changed"
    }

    /// The name of the cause in the file.
    package var causeName: String { name.rawValue }

    /// The names of all causes.
    package static let causeNames = Name.allCases.map(\.rawValue)

    private var name: Name {
        switch self {
        case .reported: .reported
        case .silent: .silent
        case .notReady: .notReady
        case .notBack: .notBack
        case .disconnected: .disconnected
        case .doubled: .doubled
        case .outOfMemory: .outOfMemory
        case .unprepared: .unprepared
        case .stuck: .stuck
        case .layersNotHandedIn: .layersNotHandedIn
        case .cut: .cut
        case .damaged: .damaged
        case .wrongBits: .wrongBits
        case .arithmeticChanged: .arithmeticChanged
        }
    }
}

extension LossCause: Codable {
    /// Also writes the sentence ``evidence``, so that every loss has one.
    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        try fields.encode(name, forKey: .cause)
        try fields.encode(evidence, forKey: .evidence)
        switch self {
        case .reported, .outOfMemory, .layersNotHandedIn: break
        case .silent(let side, let time):
            try fields.encodeIfPresent(side, forKey: .side)
            try fields.encode(time, forKey: .seconds)
        case .notReady(let limit): try fields.encode(limit, forKey: .limitSeconds)
        case .notBack(let side, let limit):
            try fields.encode(side, forKey: .side)
            try fields.encode(limit, forKey: .limitSeconds)
        case .disconnected(let side): try fields.encode(side, forKey: .side)
        case .doubled(let side, let pid, let known):
            try fields.encode(side, forKey: .side)
            try fields.encode(pid, forKey: .pid)
            try fields.encode(known, forKey: .knownPID)
        case .unprepared(let generation): try fields.encode(generation, forKey: .generation)
        case .stuck(let step, let time):
            try fields.encode(step, forKey: .step)
            try fields.encode(time, forKey: .seconds)
        case .cut(let others, let generations):
            try fields.encode(others, forKey: .unreached)
            try fields.encode(generations, forKey: .generations)
        case .damaged(let times): try fields.encode(times, forKey: .times)
        case .wrongBits(let layer, let step, let how):
            try fields.encode(layer, forKey: .layer)
            try fields.encode(step, forKey: .step)
            try fields.encode(how, forKey: .how)
        case .arithmeticChanged(let mark): try fields.encode(mark, forKey: .mark)
        }
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: EventKey.self)
        let name: Name = try fields[.cause]
        self =
            switch name {
            case .reported: .reported(evidence: try fields[.evidence])
            case .silent: .silent(try fields.optional(.side), try fields[.seconds])
            case .notReady: .notReady(within: try fields[.limitSeconds])
            case .notBack: .notBack(try fields[.side], within: try fields[.limitSeconds])
            case .disconnected: .disconnected(try fields[.side])
            case .doubled:
                .doubled(
                    try fields[.side],
                    pid: try fields[.pid],
                    known: try fields[.knownPID]
                )
            case .outOfMemory: .outOfMemory(evidence: try fields[.evidence])
            case .unprepared: .unprepared(try fields[.generation])
            case .stuck: .stuck(step: try fields[.step], try fields[.seconds])
            case .layersNotHandedIn: .layersNotHandedIn
            case .cut:
                .cut(from: try fields[.unreached], generations: try fields[.generations])
            case .damaged: .damaged(times: try fields[.times])
            case .wrongBits:
                .wrongBits(try fields[.layer], step: try fields[.step], how: try fields[.how])
            case .arithmeticChanged: .arithmeticChanged(mark: try fields[.mark])
            }
    }
}
