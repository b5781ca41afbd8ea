import OobleckCore

/// Which member of a shared store a call goes to: to one, and to the next when that one does not answer,
/// for as long as the members may take to elect a leader of their own.
package struct MemberRotation: Hashable, Sendable {
    /// How long one member may take to answer.
    package static let patience: Seconds = 1
    /// How long all of them may.
    package static let longestElection: Seconds = 5
    /// Time between two rounds.
    package static let pause: Seconds = 0.05

    /// Why a member's answer is none.
    package enum Failure: Error, Hashable {
        /// It did not answer, or could not: another may.
        case silence(String)
        /// What the members refuse for good (no space, a wrong password), whichever is asked.
        case refusal(String)

        /// What the member, or the connection to it, said.
        package var reason: String {
            switch self {
            case .silence(let reason), .refusal(let reason): reason
            }
        }
    }

    private let members: Int
    private let first: Int
    private let deadline: Seconds
    private var attempts = 0
    private let bugs: KnownBugs

    /// A call that starts now, with the member that answered last.
    package init(members: Int, first: Int, now: Seconds, bugs: KnownBugs = []) {
        self.bugs = bugs
        self.members = members
        self.first = first
        deadline = now + Self.longestElection
    }

    /// The member to ask next; `nil` gives the call up.
    ///
    /// Each is asked twice at least: a member that was just starting may be there now.
    package mutating func next(now: Seconds) -> Int? {
        let mayAsk = attempts < 2 * members || now < deadline
        guard mayAsk || bugs.contains(.refusalsRepeated) else { return nil }
        defer { attempts += 1 }
        return (first + attempts) % members
    }

    /// Whether a failure ends the call at once.
    package func isFinal(_ failure: Failure) -> Bool {
        guard case .refusal = failure else { return false }
        return !bugs.contains(.refusalsRepeated)
    }

    /// Whether all members were asked equally often: the next one is asked after ``pause``.
    package var isRoundOver: Bool { attempts > 0 && attempts.isMultiple(of: members) }
}
