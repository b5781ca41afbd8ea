import OobleckCore

/// A run under Slurm: what its batch files say.
///
/// One elastic job has all nodes and the coordinator; it survives the loss of nodes (`--no-kill`). Jobs of
/// one node take the places of lost ones. What asks the job to end (its time limit, a preemption)
/// stops the run at a step boundary and puts the job into the queue again; started again, it
/// resumes the run. All paths are absolute and on a file system that the nodes share.
package struct SlurmBatch: Hashable, Sendable {
    /// The run's directory.
    package var runPath: String
    /// The job file.
    package var jobPath: String
    /// The program `oobleck`.
    package var programPath: String
    /// Where the batch files and their logs are.
    package var folderPath: String
    /// Nodes to train with.
    package var nodes: Int
    /// Jobs of one node that may take the places of lost nodes at the same time; 0 is none.
    package var replacements: Int
    /// `nil` is the partition's own.
    package var timeLimit: SlurmTimeLimit?
    package var partition: String?
    package var account: String?
    /// Further options of sbatch, such as `--constraint=icelake`.
    package var options: [String] = []
    /// Seconds before the time limit at which the run stops.
    package var noticeSeconds = defaultNotice
    /// Port of the coordinator; 0 is any.
    package var port = 0
    /// The network interface that nodes use; `nil` is that of the address by which Slurm knows a node.
    package var interface: String?
    /// Options of `train` and `agent` alike: certificates, as `--tls-cert`, `PATH`.
    package var sharedOptions: [String] = []
    /// Whether nodes of the run are on one machine, as in a cluster for tests.
    package var sharesMachine = false
    /// Keys of the job with other values, as `oobleck train --set` takes them.
    package var settings: [String] = []

    package static let defaultNotice = 60
    /// Slurm counts the seconds of a notice in 16 bits.
    private static let mostNotice = 65535
    private static let mostNodes = 100_000

    /// A run of the job in `jobPath`.
    package init(
        jobPath: String,
        runPath: String,
        folderPath: String,
        programPath: String,
        nodes: Int,
        replacements: Int
    ) {
        self.jobPath = jobPath
        self.runPath = runPath
        self.folderPath = folderPath
        self.programPath = programPath
        self.nodes = nodes
        self.replacements = replacements
    }

    /// The job's name in the queue.
    package var name: String {
        let last = runPath.split(separator: "/").last.map(String.init) ?? "run"
        let plain = last.map { character -> Character in
            let isPlain = character.isASCII && (character.isLetter || character.isNumber)
            return isPlain || "._-".contains(character) ? character : "-"
        }
        return "oobleck-" + String(plain)
    }

    /// The name of the jobs of one node.
    package var nodeJobName: String { name + "-node" }

    /// Throws `.usage` with one line when something makes no sense.
    package func validate() throws {
        guard (1...Self.mostNodes).contains(nodes) else {
            throw OobleckError(
                .usage,
                "--nodes is \(nodes); it must be from 1 to \(Self.mostNodes)"
            )
        }
        guard (0...nodes).contains(replacements) else {
            throw OobleckError(
                .usage,
                "--replacements is \(replacements); it must be from 0 to the \(nodes) nodes"
            )
        }
        guard (1...Self.mostNotice).contains(noticeSeconds) else {
            throw OobleckError(
                .usage,
                "--notice is \(noticeSeconds); it must be from 1 to \(Self.mostNotice) s"
            )
        }
        // Slurm may send the notice a minute early.
        if let timeLimit, timeLimit.seconds < noticeSeconds + 120 {
            throw OobleckError(
                .usage,
                "--time is \(timeLimit), and the run stops --notice \(noticeSeconds) s before its "
                    + "end; the limit must be at least \(noticeSeconds + 120) s"
            )
        }
        guard (0...65535).contains(port) else {
            throw OobleckError(.usage, "--port is \(port); it must be from 0 to 65535")
        }
        try Self.requireWord("--partition", partition)
        try Self.requireWord("--account", account)
        try Self.requireWord("--interface", interface)
        for option in options { try requireOption(option) }
        for path in [runPath, jobPath, folderPath, programPath] { try Self.requirePath(path) }
    }

    private static func requireWord(_ option: String, _ word: String?) throws {
        guard let word else { return }
        let isPlain = word.allSatisfy { $0.isASCII && !$0.isWhitespace && !"\"'\\#$`".contains($0) }
        guard isPlain, !word.isEmpty, !word.hasPrefix("-") else {
            throw OobleckError(.usage, "\(option) is \"\(word)\"; it must be one word")
        }
    }

    /// Paths stand in lines of a batch file that no shell reads.
    private static func requirePath(_ path: String) throws {
        let isPlain = path.unicodeScalars.allSatisfy { $0.value >= 32 && $0 != "\"" && $0 != "\\" }
        guard isPlain, path.hasPrefix("/") else {
            throw OobleckError(
                .usage,
                "the path \"\(path)\" cannot stand in a batch file; choose one without quotes, "
                    + "backslashes and line breaks"
            )
        }
    }

    /// Options that this command decides.
    private static let ours = [
        "--nodes", "--ntasks-per-node", "--no-kill", "--requeue", "--no-requeue", "--open-mode",
        "--output", "--signal", "--job-name", "--comment", "--array", "--time", "--partition",
        "--account",
    ]

    private func requireOption(_ option: String) throws {
        let name = option.split(separator: "=", maxSplits: 1).first.map(String.init) ?? ""
        let isPlain = option.unicodeScalars.allSatisfy { $0.value > 32 && $0.value < 127 }
        guard isPlain, name.hasPrefix("--"), name.utf8.count > 2 else {
            throw OobleckError(
                .usage,
                "--sbatch-option is \"\(option)\"; it must be one of sbatch's long options, as in "
                    + "--sbatch-option=--constraint=icelake"
            )
        }
        guard !Self.ours.contains(name) else {
            throw OobleckError(
                .usage,
                "--sbatch-option is \"\(option)\"; \(name) is set by this command"
            )
        }
    }
}
