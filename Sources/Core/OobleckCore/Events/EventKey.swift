/// The names that fields of events have in files and messages; they never change their meaning.
///
/// `Documentation/Events.md` says which kind has which. Times are seconds, sizes bytes.
enum EventKey: String, CodingKey {
    // Of every event.
    case kind, generation, step, node, fields, message
    // Of its fields.
    case advice
    case afterSeconds = "after_seconds"
    case agentPID = "agent_pid"
    case cause
    case checkpointStep = "checkpoint_step"
    case committedStep = "committed_step"
    case count
    case decaySteps = "decay_steps"

    case end
    case endStep = "end_step"
    case evidence
    case factor
    case expected
    case failuresInARow = "failures_in_a_row"
    case generations
    case how
    case knownPID = "known_pid"
    case layer, layers
    case limitSeconds = "limit_seconds"
    case loss, losses
    case mark
    case name
    case nodes
    case obstacle
    case pid
    case predictedBeforeSeconds = "predicted_before_seconds"
    case predictedAfterSeconds = "predicted_after_seconds"
    case proven
    case ready
    case reason
    case seconds
    case side
    case skipped

    case term
    case times
    case unreached
    case wasAdmitted = "was_admitted"
    case weights
    case who
    case without
    case workers
    case writingStep = "writing_step"
}

typealias EventFields = KeyedDecodingContainer<EventKey>

extension KeyedDecodingContainer<EventKey> {
    subscript<Value: Decodable>(_ key: EventKey) -> Value {
        get throws { try decode(Value.self, forKey: key) }
    }

    /// The field, or `nil` where it is missing.
    func optional<Value: Decodable>(_ key: EventKey) throws -> Value? {
        try decodeIfPresent(Value.self, forKey: key)
    }

    /// A number that need not be finite.
    func number(_ key: EventKey) throws -> Double {
        do { return try decode(Double.self, forKey: key) } catch {
            switch try decode(String.self, forKey: key) {
            case "nan": return .nan
            case "inf": return .infinity
            case "-inf": return -.infinity
            default: throw error
            }
        }
    }

    func unknown(_ key: EventKey, _ value: String) -> DecodingError {
        .dataCorruptedError(
            forKey: key,
            in: self,
            debugDescription: "\"\(value)\" is no \(key.rawValue) that this program knows"
        )
    }
}

extension KeyedEncodingContainer<EventKey> {
    /// A number; `nan`, `inf` or `-inf` in quotes where it is not finite.
    mutating func encode(number: Double, forKey key: EventKey) throws {
        if number.isFinite {
            try encode(number, forKey: key)
        } else {
            try encode(numberForPeople(number), forKey: key)
        }
    }
}

extension KeyedDecodingContainer<EventKey> {
    /// The node that the event has to name.
    func node(_ named: NodeID?) throws -> NodeID {
        guard let named else {
            let context = DecodingError.Context(
                codingPath: codingPath,
                debugDescription: "the event names no node"
            )
            throw DecodingError.keyNotFound(EventKey.node, context)
        }
        return named
    }
}
