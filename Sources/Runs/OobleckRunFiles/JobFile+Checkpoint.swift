import OobleckCore

extension JobFile {
    /// What stands for saves by ``YoungDaly``.
    private static let youngDaly = "young-daly"

    /// What stands for no saves at all.
    static let noCheckpoints = "none"

    /// The `checkpoint` section; what it leaves out has its default.
    ///
    /// `resolve` makes a path absolute.
    static func checkpointSpecification(
        _ section: JobSection,
        _ resolve: (String) -> String
    ) -> CheckpointSpecification {
        let every = section.integer("every")
        let interval = section.text("interval")
        if let interval, interval != youngDaly {
            let hint = Int(interval) == nil ? "" : "; a number of steps goes under every"
            section.mistake(
                "interval",
                "is \"\(interval)\"; it must be \(youngDaly)\(hint)"
            )
        }
        let rhythm: CheckpointSpecification.Rhythm
        switch (every, interval) {
        case (nil, nil): rhythm = CheckpointSpecification.standard.rhythm
        case (.some, .some):
            section.mistake("interval", "cannot be set beside every; leave out one of the two")
            rhythm = .youngDaly
        case (let steps?, nil): rhythm = .steps(steps)
        case (nil, .some): rhythm = .youngDaly
        }
        if let directory = section.text("directory"), directory.isEmpty {
            section.mistake("directory", "is empty; name a folder, or leave it out")
        }
        return CheckpointSpecification(
            rhythm,
            keep: section.integer("keep") ?? CheckpointSpecification.defaultKeep,
            directory: section.text("directory").map(resolve),
            wait: section.number("wait").map { Seconds($0) }
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
