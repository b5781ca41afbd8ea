import OobleckCore

extension JobFile {
    /// What stands for saves by ``YoungDaly``.
    private static let youngDaly = "young-daly"

    /// The `checkpoint` section; `nil` when there is none.
    ///
    /// `resolve` makes a path absolute.
    static func checkpointSpecification(
        _ section: JobSection,
        _ resolve: (String) -> String
    ) throws -> CheckpointSpecification? {
        let every = try section.integer("every")
        let interval = try section.text("interval")
        if let interval, interval != youngDaly {
            let hint = Int(interval) == nil ? "" : "; a number of steps goes under every"
            throw section.error(
                "interval",
                "is \"\(interval)\"; it must be \(youngDaly)\(hint)"
            )
        }
        let rhythm: CheckpointSpecification.Rhythm
        switch (every, interval) {
        case (nil, nil):
            let others = ["keep", "directory", "wait"]
            guard let key = others.first(where: { section.node($0) != nil }) else { return nil }
            throw section.error(
                key,
                "is set, but nothing says when to save; "
                    + "add every: STEPS or interval: \(youngDaly)"
            )
        case (.some, .some):
            throw section.error("interval", "cannot be set beside every; leave out one of the two")
        case (let steps?, nil): rhythm = .steps(steps)
        case (nil, .some): rhythm = .youngDaly
        }
        if let directory = try section.text("directory"), directory.isEmpty {
            throw section.error("directory", "is empty; name a folder, or leave it out")
        }
        return CheckpointSpecification(
            rhythm,
            keep: try section.integer("keep") ?? CheckpointSpecification.defaultKeep,
            directory: try section.text("directory").map(resolve),
            wait: try section.number("wait").map { Seconds($0) }
                ?? CheckpointSpecification.defaultWait
        )
    }
}

extension CheckpointSpecification.Rhythm {
    /// Reads a rhythm from the command line: a number of steps, or `young-daly`.
    package init(argument: String) throws {
        if argument == "young-daly" {
            self = .youngDaly
        } else if let steps = Int(argument), steps > 0 {
            self = .steps(steps)
        } else {
            throw OobleckError(
                .usage,
                "--checkpoint-every is \"\(argument)\"; "
                    + "it must be a number of steps, at least 1, or young-daly"
            )
        }
    }
}
