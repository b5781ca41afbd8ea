extension RunEvent: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: EventKey.self)
        generation = try container[.generation]
        step = try container[.step]
        let kind = Kind(rawValue: try container[.kind])
        let node: NodeID? = try container.optional(.node)
        let message: String = try container[.message]
        do {
            let fields = try container.superDecoder(forKey: .fields)
            content = try Content(kind, node, fields) ?? .untyped(kind, node, message: message)
        } catch is DecodingError {
            // Of another version: it still says in words what happened.
            content = .untyped(kind, node, message: message)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: EventKey.self)
        try container.encode(kind.rawValue, forKey: .kind)
        try container.encode(generation, forKey: .generation)
        try container.encode(step, forKey: .step)
        try container.encodeIfPresent(node, forKey: .node)
        if !isUntyped { try content.encodeFields(to: container.superEncoder(forKey: .fields)) }
        try container.encode(message, forKey: .message)
    }

    /// Whether nothing but the sentence is known of what happened.
    package var isUntyped: Bool {
        if case .untyped = content { true } else { false }
    }
}

extension RunEvent {
    /// The fields alone, as the object `fields` of the file; nothing for an untyped event.
    package struct Fields: Encodable {
        package let content: Content

        package init?(_ event: RunEvent) {
            guard !event.isUntyped else { return nil }
            content = event.content
        }

        package func encode(to encoder: any Encoder) throws {
            try content.encodeFields(to: encoder)
        }
    }
}
