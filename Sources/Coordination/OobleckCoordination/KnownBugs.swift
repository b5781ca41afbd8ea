/// Bugs that tests put back into the coordinator, to see that the simulation finds them.
///
/// Never set outside of tests and `oobleck drill --simulate`.
package struct KnownBugs: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// A step is committed when all nodes but one have voted.
    package static let commitBeforeAllVoted = KnownBugs(rawValue: 1)
    /// A vote of a past generation counts for the one in force.
    package static let staleGenerationAccepted = KnownBugs(rawValue: 2)
    /// What nodes hold is not noted anew when a plan comes into force.
    package static let holdingsNotUpdatedOnResume = KnownBugs(rawValue: 4)
    /// A commit is sent before the step is in the ledger.
    package static let commitSentBeforeRecorded = KnownBugs(rawValue: 8)
    /// Nodes that drop a coordinator which was not heard for a while are taken for dead.
    package static let droppedTakenForDead = KnownBugs(rawValue: 16)
    /// A node that computes without an end, and shows signs of life, stays.
    package static let stragglersStay = KnownBugs(rawValue: 32)
    /// A node that dies again and again may come back at once.
    package static let quarantineIgnored = KnownBugs(rawValue: 64)
    /// A coordinator that leads no more goes on speaking to its nodes.
    package static let deposedSpeaks = KnownBugs(rawValue: 128)
    /// A node whose worker takes no messages stays.
    package static let overflowIgnored = KnownBugs(rawValue: 256)
    /// A node that ran out of memory is given the same layers when it comes back.
    package static let memoryForgotten = KnownBugs(rawValue: 512)
    /// Writes to a shared store do not name the one before them: one that comes late overwrites newer ones.
    package static let writesUnnumbered = KnownBugs(rawValue: 1024)
    /// A renewal that comes after the lease's end lets a coordinator lead again.
    package static let renewalRevives = KnownBugs(rawValue: 2048)
    /// What a shared store refuses for good is tried again within the call, without an end.
    package static let refusalsRepeated = KnownBugs(rawValue: 4096)
    /// A standby takes up a run that is over.
    package static let endIgnored = KnownBugs(rawValue: 8192)
    /// After a loss of power, the store's number of steps counts and not the ledger's.
    package static let ledgerIgnored = KnownBugs(rawValue: 16384)
    /// Who was let in, and which plan was given out, is not brought to the device at once.
    package static let joinsForgotten = KnownBugs(rawValue: 32768)
    /// After a change of plan the state is not evaluated, though that is due.
    package static let evaluationsSkipped = KnownBugs(rawValue: 65536)
    /// A state that is evaluated already is evaluated again after a change of plan.
    package static let evaluationsRepeated = KnownBugs(rawValue: 131_072)
    /// What an evaluation came to is not brought to the device before training resumes.
    package static let evaluationsUnsynchronized = KnownBugs(rawValue: 262_144)
    /// A step is recorded as skipped, and its update is applied.
    package static let skipsApplied = KnownBugs(rawValue: 1 << 19)
    /// A coordinator that restarts a run counts the skipped steps in a row from zero.
    package static let skipsForgotten = KnownBugs(rawValue: 1 << 20)
    /// Skipped steps that are done again after a return to a checkpoint count twice.
    package static let skipsCountedTwice = KnownBugs(rawValue: 1 << 21)
    /// Copies of layers are not compared before a step commits.
    package static let copiesNotCompared = KnownBugs(rawValue: 1 << 22)
    /// A node whose copy of a layer is damaged keeps it, and may copy it to others.
    package static let damagedCopiesStay = KnownBugs(rawValue: 1 << 23)
    /// A run ends when a bit of its final state flips before that is collected.
    package static let finalDamageIgnored = KnownBugs(rawValue: 1 << 30)
    /// A run ends when two nodes come to different sums.
    package static let sumsNotTriedAgain = KnownBugs(rawValue: 1 << 24)
    /// A node that computes wrong in a spot check stays.
    package static let spotChecksIgnored = KnownBugs(rawValue: 1 << 25)
    /// A node that computes slowly is not noticed.
    package static let slownessUnseen = KnownBugs(rawValue: 1 << 26)
    /// A slow node is not set aside, but let go.
    package static let slowNodesLetGo = KnownBugs(rawValue: 1 << 27)
    /// Each node that joins costs a plan of its own, however many come.
    package static let joinsAtOnce = KnownBugs(rawValue: 1 << 28)
    /// Nodes that join a run in training get no work before the next loss.
    package static let newcomersForgotten = KnownBugs(rawValue: 1 << 29)

    /// All of them, by name.
    package static let names: [(name: String, bug: KnownBugs)] = [
        ("commit-before-all-voted", .commitBeforeAllVoted),
        ("stale-generation-accepted", .staleGenerationAccepted),
        ("holdings-not-updated-on-resume", .holdingsNotUpdatedOnResume),
        ("commit-sent-before-recorded", .commitSentBeforeRecorded),
        ("dropped-taken-for-dead", .droppedTakenForDead),
        ("stragglers-stay", .stragglersStay),
        ("quarantine-ignored", .quarantineIgnored),
        ("deposed-speaks", .deposedSpeaks),
        ("overflow-ignored", .overflowIgnored),
        ("memory-forgotten", .memoryForgotten),
        ("writes-unnumbered", .writesUnnumbered),
        ("renewal-revives", .renewalRevives),
        ("refusals-repeated", .refusalsRepeated),
        ("end-ignored", .endIgnored),
        ("ledger-ignored", .ledgerIgnored),
        ("joins-forgotten", .joinsForgotten),
        ("evaluations-skipped", .evaluationsSkipped),
        ("evaluations-repeated", .evaluationsRepeated),
        ("evaluations-unsynchronized", .evaluationsUnsynchronized),
        ("skips-applied", .skipsApplied),
        ("skips-forgotten", .skipsForgotten),
        ("skips-counted-twice", .skipsCountedTwice),
        ("copies-not-compared", .copiesNotCompared),
        ("damaged-copies-stay", .damagedCopiesStay),
        ("final-damage-ignored", .finalDamageIgnored),
        ("sums-not-tried-again", .sumsNotTriedAgain),
        ("spot-checks-ignored", .spotChecksIgnored),
        ("slowness-unseen", .slownessUnseen),
        ("slow-nodes-let-go", .slowNodesLetGo),
        ("joins-at-once", .joinsAtOnce),
        ("newcomers-forgotten", .newcomersForgotten),
    ]
}

extension Coordinator {
    /// Puts bugs back in.
    ///
    /// For tests only.
    package mutating func putBack(_ bugs: KnownBugs) {
        knownBugs = bugs
        if bugs.contains(.skipsForgotten) { troubles.skippedInARow = 0 }
    }
}
