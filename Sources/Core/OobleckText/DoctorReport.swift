import OobleckCore

/// What a machine has for training, one finding per line (`oobleck doctor`).
package struct DoctorReport: Sendable, Encodable {
    /// How good a finding is.
    package enum Verdict: String, Sendable, Encodable {
        case good = "ok"
        /// Training can start; something is worth knowing.
        case note
        /// Training cannot start.
        case missing
    }

    /// One thing.
    package struct Finding: Sendable, Encodable {
        package let name: String
        package let verdict: Verdict
        package let text: String
    }

    /// What the system tells without libtorch.
    package struct System: Sendable {
        package var cores: Double
        package var memory: ByteCount
        package var freeMemory: ByteCount
        package var openFiles: Int
        /// Interfaces with their addresses, as `eth0 (10.0.0.3)`.
        package var interfaces: [String]
        package var freeDisk: ByteCount
        package var folder: String

        package init(
            cores: Double,
            memory: ByteCount,
            freeMemory: ByteCount,
            openFiles: Int,
            interfaces: [String],
            freeDisk: ByteCount,
            folder: String
        ) {
            self.cores = cores
            self.memory = memory
            self.freeMemory = freeMemory
            self.openFiles = openFiles
            self.interfaces = interfaces
            self.freeDisk = freeDisk
            self.folder = folder
        }
    }

    package private(set) var findings: [Finding] = []

    /// Whether training can start here.
    package var canTrain: Bool { !findings.contains { $0.verdict == .missing } }

    private enum CodingKeys: String, CodingKey {
        case findings
        case canTrain = "can_train"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(findings, forKey: .findings)
        try container.encode(canTrain, forKey: .canTrain)
    }

    /// Fewest files that a node of a small run has open, and the memory that its process takes.
    private static let leastFiles = 256
    private static let leastMemory = ByteCount(512 << 20)
    private static let leastDisk = ByteCount(1 << 30)

    /// The report for nodes that compute on `device`.
    ///
    /// `facts` is what a process found that computes there, or why there is none.
    package init(
        device: DeviceKind,
        facts: Result<DeviceFacts, OobleckError>,
        system: System
    ) {
        switch facts {
        case .success(let facts): note(facts, device)
        case .failure(let error):
            add(device == .cpu ? "libtorch" : "device", .missing, error.message)
        }
        note(system)
    }

    private mutating func add(_ name: String, _ verdict: Verdict, _ text: String) {
        findings.append(Finding(name: name, verdict: verdict, text: text))
    }

    private mutating func note(_ facts: DeviceFacts, _ device: DeviceKind) {
        add("libtorch", .good, "\(facts.torch), kernels for \(facts.kernels)")
        let speed =
            "\(Self.rate(facts.float32Rate)) in float32, "
            + "\(Self.rate(facts.bfloat16Rate)) in bfloat16"
        let thread = device == .cpu ? " on one thread" : ""
        add("device", .good, "\(facts.device ?? "this CPU"): \(speed)\(thread)")
        if device == .cpu {
            let found = facts.cudaDevices
            add(
                "CUDA",
                .note,
                found > 0
                    ? "\(counted(found, "device")) here; cluster.device: cuda uses one a node "
                        + "(oobleck doctor --device cuda looks at it)"
                    : "none here: " + Self.reason(facts.cudaTrouble)
            )
        } else {
            add(
                "NCCL",
                .note,
                (facts.nccl ?? "not found") + "; tensors go through Gloo and the host's memory"
            )
        }
        switch facts.isClockSynchronized {
        case true?: add("clock", .good, "set by another clock")
        case false?:
            add(
                "clock",
                .note,
                "not set by any other; times in logs of several machines will differ"
            )
        case nil: add("clock", .note, "the system does not say whether it is set")
        }
    }

    private static func rate(_ operations: Double) -> String {
        operations < 1e12
            ? "\(NumberText.decimal(operations / 1e9, 0)) GFLOP/s"
            : "\(NumberText.decimal(operations / 1e12, 1)) TFLOP/s"
    }

    /// Why there is no device, without what to do about it.
    private static func reason(_ trouble: String?) -> String {
        let known = trouble?.split(separator: ";").first.map { String($0) }
        return known ?? "the driver shows no device"
    }

    private mutating func note(_ system: System) {
        add(
            "processors",
            .good,
            "\(NumberText.decimal(system.cores, 1)) for all nodes here; each trains on one thread"
        )
        add(
            "memory",
            system.freeMemory < Self.leastMemory ? .missing : .good,
            "\(system.freeMemory) free of \(system.memory); a node's process alone takes 200 MiB"
        )
        add(
            "disk",
            system.freeDisk < Self.leastDisk ? .note : .good,
            "\(system.freeDisk) free at \(system.folder), for runs and checkpoints"
        )
        add(
            "files",
            system.openFiles < Self.leastFiles ? .missing : .good,
            system.openFiles < Self.leastFiles
                ? "a process may have \(system.openFiles) open; a node needs \(Self.leastFiles): "
                    + "raise ulimit -n"
                : "a process may have \(system.openFiles) open"
        )
        let others = system.interfaces.filter { !$0.hasPrefix("lo ") }
        add(
            "network",
            others.isEmpty ? .note : .good,
            others.isEmpty
                ? "loopback only: all nodes have to be here"
                : "--listen takes " + others.joined(separator: ", ")
        )
    }

    /// The report for people.
    package func lines(limit: Int?) -> [String] {
        var table = TextTable([.init(""), .init("what"), .init("found")])
        for finding in findings {
            table.append([finding.verdict.rawValue, finding.name, finding.text])
        }
        let end =
            canTrain
            ? "training can start here" : "training cannot start here: see what is missing"
        return table.lines(limit: limit) + ["", end]
    }
}
