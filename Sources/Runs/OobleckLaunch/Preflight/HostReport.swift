import OobleckCore

/// What the check of one host came to.
package struct HostReport: Hashable, Sendable {
    /// A thing that is wrong, or worth knowing.
    package struct Problem: Hashable, Sendable {
        /// How much it matters.
        package enum Weight: Hashable, Sendable {
            /// The host does not answer: the run can start without it.
            case absent
            /// The host is there, and cannot take part as it is.
            case failure
            /// The host takes part.
            case note
        }

        package let weight: Weight
        /// What is wrong and what to do; one line, without the host's name.
        package let text: String

        package init(_ weight: Weight, _ text: String) {
            self.weight = weight
            self.text = text
        }
    }

    package let host: HostEntry
    package var greeting: RemoteGreeting?
    package var facts: HostFacts?
    /// By how much the host's clock is ahead of ours.
    package var clockOffset: Seconds?
    /// Why we cannot connect to it.
    package var launcherTrouble: String?
    /// Hosts that it cannot connect to, with why.
    package var peerTroubles: [String: String] = [:]
    /// What ended the check early.
    package var trouble: RemoteTrouble?

    package init(_ host: HostEntry) { self.host = host }
}

/// What hosts have to agree with.
package struct HostStandard: Hashable, Sendable {
    /// SHA-256 of the job's data here.
    package var dataDigest: String
    /// The port at which the coordinator listens.
    package var coordinator: HostPort
    /// The version of libtorch that most hosts have; `nil` where none said.
    package var torch: String?
    /// Where checkpoints are saved; `nil` where none are.
    package var checkpointsPath: String?
    /// Losses of nodes at once that the run survives; `nil` is not compared.
    package var faultTolerance: Int?
    /// Devices of each node.
    package var devicesPerNode: Int

    /// Clocks that differ by more make logs hard to compare, and certificates invalid.
    static let notableOffset: Seconds = 2
    static let largestOffset: Seconds = 1800

    package init(
        dataDigest: String,
        coordinator: HostPort,
        torch: String? = nil,
        checkpointsPath: String? = nil,
        faultTolerance: Int? = nil,
        devicesPerNode: Int = 1
    ) {
        self.dataDigest = dataDigest
        self.coordinator = coordinator
        self.torch = torch
        self.checkpointsPath = checkpointsPath
        self.faultTolerance = faultTolerance
        self.devicesPerNode = devicesPerNode
    }

    /// The version that most of the hosts have; of equally many, the lesser.
    package static func usualTorch(_ reports: [HostReport]) -> String? {
        let versions = Dictionary(grouping: reports.compactMap { $0.facts?.torch }) { $0 }
        return versions.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key
    }
}

extension HostReport {
    /// Whether the host merely does not answer.
    ///
    /// A name without an address may get one later, but is a slip in the hostfile most likely.
    package var isAbsent: Bool {
        switch trouble {
        case nil: facts == nil
        case .connection(let failure)?: failure.kind != .name && failure.mayPass
        case let trouble?: trouble.mayPass
        }
    }

    /// What is wrong with the host, the worst first.
    package func problems(_ standard: HostStandard) -> [Problem] {
        if let trouble {
            return [Problem(isAbsent ? .absent : .failure, trouble.text)]
        }
        guard let facts else { return [Problem(.absent, "was not checked in time")] }
        var problems: [Problem] = []
        func fail(_ text: String) { problems.append(Problem(.failure, text)) }
        func note(_ text: String) { problems.append(Problem(.note, text)) }

        if let trouble = facts.torchTrouble { fail("cannot train: \(trouble)") }
        if let torch = facts.torch, let usual = standard.torch, torch != usual {
            fail("has torch \(torch), the others have \(usual); install the same on all")
        }
        if let trouble = facts.dataTrouble {
            fail("cannot read the data: \(trouble); copy the job's files to the same path there")
        } else if let digest = facts.dataDigest, digest != standard.dataDigest {
            fail(
                "has other data than this machine (SHA-256 \(digest.prefix(8)), here "
                    + "\(standard.dataDigest.prefix(8))); copy the same file there"
            )
        }
        if let trouble = facts.addressTrouble {
            fail("\(trouble); name its address in the hostfile (address=...)")
        }
        if let trouble = facts.coordinatorTrouble {
            fail(
                "cannot reach the coordinator at \(standard.coordinator) (\(trouble)); let the port "
                    + "through (--port fixes it), or name another address with --listen"
            )
        }
        if let launcherTrouble, let address = facts.address {
            fail(
                "cannot be reached at \(address) (\(launcherTrouble)); let TCP between the machines "
                    + "through, or name another address in the hostfile (address=...)"
            )
        }
        for (peer, trouble) in peerTroubles.sorted(by: { $0.key < $1.key }) {
            fail("cannot reach host \(peer) (\(trouble)); let TCP between the machines through")
        }
        if let offset = clockOffset, abs(offset.value) > HostStandard.notableOffset.value {
            let ahead = offset.value > 0 ? "ahead" : "behind"
            let text = "its clock is \(Int(abs(offset.value).rounded())) s \(ahead); set it (NTP)"
            if abs(offset.value) > HostStandard.largestOffset.value {
                fail(text)
            } else {
                note(text)
            }
        }
        let nodes = host.slots.count / standard.devicesPerNode
        if let most = standard.faultTolerance, nodes > most {
            note(
                "has \(counted(nodes, "node")), and the run survives the loss of "
                    + "\(most) at once: raise cluster.fault_tolerance to survive the host's"
            )
        }
        if facts.sharesCheckpoints == false, let path = standard.checkpointsPath {
            note(
                "does not see \(path) of this machine, so nothing can be saved; share the folder, or "
                    + "name one that is shared (--checkpoint-directory)"
            )
        }
        return problems
    }
}
