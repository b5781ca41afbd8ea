import OobleckWords

/// What went wrong, in one line for a person, with the exit status it leads to.
public struct OobleckError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Open: match the ones you handle and pass the rest on.
    public struct Code: Hashable, Sendable {
        /// The exit status of a command that ends with this error (`sysexits.h`).
        public let exitStatus: Int32

        /// The code with this exit status.
        public init(exitStatus: Int32) { self.exitStatus = exitStatus }

        /// Bad usage: an argument or a combination of arguments that makes no sense.
        public static let usage = Code(exitStatus: 64)
        /// Bad input data: a file or a value in it.
        public static let inputData = Code(exitStatus: 65)
        /// No plan exists for what was asked.
        public static let noPlan = Code(exitStatus: 69)
        /// Our own fault.
        public static let internalFault = Code(exitStatus: 70)
        /// Storage: a file that cannot be read or written.
        public static let storage = Code(exitStatus: 74)
        /// A run that stopped for lack of nodes and can be resumed.
        public static let outOfNodes = Code(exitStatus: 75)
    }

    /// The kind of failure.
    public let code: Code
    /// What was wrong, with which value, and what would be right; one line.
    public let message: String
    /// Further lines for people: further mistakes, or the place in a file with a caret below it.
    public let details: [String]
    /// The same as values, where the planner refuses something; `nil` for other errors.
    public let problem: PlanningProblem?

    /// The most further lines.
    private static let mostDetails = 50

    /// An error of the given kind.
    ///
    /// The message becomes one line of bounded length: it may repeat what stands in a file. So does
    /// each of the `details`, of which at most 50 are kept.
    public init(
        _ code: Code,
        _ message: String,
        details: [String] = [],
        problem: PlanningProblem? = nil
    ) {
        self.problem = problem
        self.code = code
        self.message = lineForPeople(message)
        self.details = details.prefix(Self.mostDetails).map(lineForPeople)
    }

    /// The text for people.
    public var description: String { message }
}
