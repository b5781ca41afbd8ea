import OobleckCore

/// What the launcher and a program that it started on a host say to each other, one JSON value a line
/// over the streams of ssh.
///
/// The program greets first. Both are of one version: the greeting, whose fields stay, is checked before
/// anything else is said.
package struct RemoteGreeting: Hashable, Sendable, Codable {
    /// Version of the program.
    package var version: String
    package var pid: Int
    /// The machine's name for itself.
    package var hostName: String
    /// Tells one start of one machine from all others; two hosts with the same are one machine.
    package var bootID: String

    package init(version: String, pid: Int, hostName: String, bootID: String) {
        self.version = version
        self.pid = pid
        self.hostName = hostName
        self.bootID = bootID
    }
}

/// What the launcher asks of the program on a host.
package enum RemoteRequest: Hashable, Sendable, Codable {
    /// What time it is.
    case clock
    /// What the host has for the run.
    case check(HostInquiry)
    /// Which of these listeners it can connect to, `address:port`.
    case reach([String])
    /// How long the job's layers take there.
    case profile(JobSpecification)
    /// To be a node until the run is over; nothing is asked after it.
    case serve(AgentOrder)
}

/// What it answers; the last request has no answer.
package enum RemoteReply: Sendable, Codable {
    /// Seconds since 1970.
    case clock(Double)
    case checked(HostFacts)
    /// Those that it cannot connect to, with why.
    case reached([String: String])
    case profile(ModelProfile)
    case failed(String, exitStatus: Int32)
}

/// What the launcher wants to know of a host.
package struct HostInquiry: Hashable, Sendable, Codable {
    package var job: JobSpecification
    /// Where the coordinator is going to listen, `address:port`.
    package var coordinator: String
    /// Address or interface at which the host is to listen; `nil` is by the route to the coordinator.
    package var listen: String?
    /// A file that is there where the checkpoints' folder is shared; `nil` asks for none.
    package var sharedMark: String?

    package init(job: JobSpecification, coordinator: String, listen: String?, sharedMark: String?) {
        self.job = job
        self.coordinator = coordinator
        self.listen = listen
        self.sharedMark = sharedMark
    }
}

/// What a host has for a run; each finding, or why there is none.
package struct HostFacts: Hashable, Sendable, Codable {
    package var torch: String?
    package var torchTrouble: String?
    /// The address at which it listens for other nodes, and a port at which it does so now.
    package var address: String?
    package var port: Int?
    package var addressTrouble: String?
    /// Why it cannot connect to the coordinator's port.
    package var coordinatorTrouble: String?
    /// SHA-256 of the job's data, as of training.
    package var dataDigest: String?
    package var dataTrouble: String?
    /// Whether the mark was seen; `nil` when there was none to be seen.
    package var sharesCheckpoints: Bool?
    package var cores: Double
    package var device: String?

    package init(cores: Double) { self.cores = cores }
}

/// What the program needs to be a node of the run; its secrets go nowhere else.
package struct AgentOrder: Hashable, Sendable, Codable {
    package var coordinator: String
    package var token: String
    /// PEM: the node's certificate, its key, and the authority; `nil` is plain text.
    package var certificates: NodeCertificates?
    package var node: NodeID
    /// What the node calls itself.
    package var name: String
    /// Address or interface; `nil` is by the route to the coordinator.
    package var listen: String?
    package var sharesMachine: Bool
    package var detectionBudget: Seconds
    /// Where its agent serves its metrics; `nil` is not at all.
    package var metricsPort: Int?
    /// Variables for agent and worker.
    package var environment: [String: String]

    package init(
        coordinator: String,
        token: String,
        certificates: NodeCertificates?,
        node: NodeID,
        name: String,
        listen: String?,
        sharesMachine: Bool,
        detectionBudget: Seconds,
        metricsPort: Int? = nil,
        environment: [String: String]
    ) {
        self.coordinator = coordinator
        self.token = token
        self.certificates = certificates
        self.node = node
        self.name = name
        self.listen = listen
        self.sharesMachine = sharesMachine
        self.detectionBudget = detectionBudget
        self.metricsPort = metricsPort
        self.environment = environment
    }
}

/// One node's certificate with its key, and the authority of both sides; PEM.
package struct NodeCertificates: Hashable, Sendable, Codable {
    package var certificate: String
    package var key: String
    package var authority: String

    package init(certificate: String, key: String, authority: String) {
        self.certificate = certificate
        self.key = key
        self.authority = authority
    }
}
