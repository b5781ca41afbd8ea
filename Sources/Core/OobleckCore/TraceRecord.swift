/// Something that a worker did for a while in a step.
package struct TraceSpan: Hashable, Sendable {
    /// What it did, by its letter in the file.
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case forward = "f"
        case backward = "b"
        /// Waiting for what a neighbouring stage sends.
        case receive = "r"
        /// Waiting for a neighbouring stage to take what was sent.
        case send = "s"
        /// Waiting for the sums of gradients.
        case sums = "g"
        /// From the vote to the decision.
        case vote = "v"
        /// Applying the step.
        case update = "u"
        /// Copying layers for a checkpoint.
        case checkpoint = "c"
    }

    package var kind: Kind
    /// Index in the global batch; `nil` for what concerns no microbatch.
    package var microbatch: Int?
    /// On the clock of the worker's machine, since its start.
    package var start: Seconds
    package var duration: Seconds

    package init(_ kind: Kind, microbatch: Int? = nil, start: Seconds, duration: Seconds) {
        (self.kind, self.microbatch) = (kind, microbatch)
        (self.start, self.duration) = (start, duration)
    }
}

/// What one worker did in one attempt at a step: a line of its trace file.
package struct TraceRecord: Hashable, Sendable {
    package var generation: Generation
    /// Counted from zero, as in the ledger.
    package var step: Int
    package var pipeline: Int
    package var stage: Int
    package var spans: [TraceSpan] = []

    /// A record without spans.
    package init(generation: Generation, step: Int, pipeline: Int, stage: Int) {
        (self.generation, self.step) = (generation, step)
        (self.pipeline, self.stage) = (pipeline, stage)
    }

    /// The line, with times in microseconds; -1 stands for no microbatch.
    package var text: String {
        let spans = spans.map { span in
            "[\"\(span.kind.rawValue)\",\(span.microbatch ?? -1),\(Self.microseconds(span.start)),"
                + "\(Self.microseconds(span.duration))]"
        }
        return "{\"generation\":\(generation),\"step\":\(step),\"pipeline\":\(pipeline),"
            + "\"stage\":\(stage),\"spans\":[\(spans.joined(separator: ","))]}"
    }

    private static func microseconds(_ time: Seconds) -> Int {
        Int(time.bounded(by: 0...1e9).value * 1e6)
    }
}

extension TraceRecord: Decodable {
    private enum CodingKeys: String, CodingKey {
        case generation, step, pipeline, stage, spans
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            generation: try fields.decode(Generation.self, forKey: .generation),
            step: try fields.decode(Int.self, forKey: .step),
            pipeline: try fields.decode(Int.self, forKey: .pipeline),
            stage: try fields.decode(Int.self, forKey: .stage)
        )
        var list = try fields.nestedUnkeyedContainer(forKey: .spans)
        while !list.isAtEnd {
            var span = try list.nestedUnkeyedContainer()
            let kind = try span.decode(TraceSpan.Kind.self)
            let microbatch = try span.decode(Int.self)
            let start = try span.decode(Double.self)
            spans.append(
                TraceSpan(
                    kind,
                    microbatch: microbatch < 0 ? nil : microbatch,
                    start: Seconds(start * 1e-6),
                    duration: Seconds(try span.decode(Double.self) * 1e-6)
                )
            )
        }
    }
}
