import Foundation

/// What the loss of the terminal (SIGHUP, or an error when writing to it) means for a run.
package enum HangUp: Hashable, Sendable {
    /// Another program supervises the process and handles its end: stop in order.
    case stop
    /// A person's terminal lost its connection: the run continues without a terminal.
    case goOn

    /// Set for a process whose parent starts it again when it dies.
    package static let supervisedVariable = "OOBLECK_SUPERVISED"

    /// Variables that batch systems set for their jobs.
    private static let batchVariables = ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "COBALT_JOBID"]
    private static let jobVariables =
        [supervisedVariable, "KUBERNETES_SERVICE_HOST"] + batchVariables

    /// What it means for a process with this environment; `pids` are its own number and its parent's.
    ///
    /// It depends on whether the process has a controlling terminal, and on whether SIGHUP was
    /// ignored when it started, as under `nohup`.
    package init(
        environment: [String: String],
        pids: [Int],
        hasTerminal: Bool,
        isIgnored: Bool
    ) {
        let isJob = Self.jobVariables.contains { environment[$0] != nil }
        // Terminals of a desktop are started by systemd, too, and hand its variables down.
        let unit = environment["SYSTEMD_EXEC_PID"]
        let isOurs = unit == nil || pids.contains { unit == "\($0)" }
        let isUnit = environment["INVOCATION_ID"] != nil && isOurs
        self = !isIgnored && (isJob || isUnit || !hasTerminal) ? .stop : .goOn
    }

    /// Whether a process with this environment belongs to a job of a batch system.
    package static func isBatchJob(_ environment: [String: String]) -> Bool {
        batchVariables.contains { environment[$0] != nil }
    }

    /// What it means for this process.
    static func ofThisProcess(isIgnored: Bool) -> Self {
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        if terminal >= 0 { close(terminal) }
        return Self(
            environment: ProcessInfo.processInfo.environment,
            pids: [Int(getpid()), Int(getppid())],
            hasTerminal: terminal >= 0,
            isIgnored: isIgnored
        )
    }
}
