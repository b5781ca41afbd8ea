import OobleckCore

/// One thing that the paper says, and whether it holds here.
public struct ArtifactCheck: Hashable, Sendable, Codable {
    /// What must hold, in the paper's terms.
    public let claim: String
    /// What was found, with numbers.
    public let found: String
    /// Whether it holds.
    public let isMet: Bool

    /// A check with its outcome.
    public init(_ claim: String, isMet: Bool, found: String) {
        self.claim = claim
        self.found = found
        self.isMet = isMet
    }

    /// A check of many cases: it holds if there are cases, each called a `noun`, and no complaint.
    ///
    /// Of the complaints, one for each case that falls short, the first three are shown.
    public init(_ claim: String, complaints: [String], cases: Int, of noun: String) {
        let isMet = complaints.isEmpty && cases > 0
        let shown = complaints.prefix(3).joined(separator: "; ")
        let rest = complaints.count > 3 ? "; and \(complaints.count - 3) more" : ""
        self.init(
            claim,
            isMet: isMet,
            found: isMet
                ? "\(cases) \(noun)"
                : cases == 0 ? "no \(noun) to check" : "\(shown)\(rest)"
        )
    }
}

/// Rows under named columns.
public struct ArtifactTable: Hashable, Sendable {
    /// Names of the columns.
    public let columns: [String]
    /// Rows, each as long as the columns.
    public let rows: [[String]]
    /// Columns that hold words: set to the left.
    public let textColumns: Set<Int>
    /// Whether it stands on the page only, because it is too wide or too long to print.
    public let isForPageOnly: Bool
    /// Whether the page shows it only when asked.
    public let isFolded: Bool

    /// A table.
    public init(
        columns: [String],
        rows: [[String]],
        textColumns: Set<Int> = [],
        isForPageOnly: Bool = false,
        isFolded: Bool = false
    ) {
        precondition(rows.allSatisfy { $0.count == columns.count }, "rows fit the columns")
        self.columns = columns
        self.rows = rows
        self.textColumns = textColumns
        self.isForPageOnly = isForPageOnly
        self.isFolded = isFolded
    }
}

/// A piece of a part, shown both on the console and on the page.
public enum ArtifactBlock: Sendable {
    /// What the pieces after it are about.
    case heading(String)
    /// Sentences.
    case paragraph(String)
    /// Lines as the paper's artifact prints them.
    case listing([String])
    /// Numbers.
    case table(ArtifactTable)
    /// A picture as SVG, for the page.
    case picture(svg: String, caption: String)
    /// Checks with their outcomes.
    case checks([ArtifactCheck])
}

/// One of the five parts of the evaluation.
public struct ArtifactPart: Sendable {
    /// Its number, from 1.
    public let number: Int
    /// What it is about.
    public let title: String
    /// Where the paper treats of it, as `section 4.1`.
    public let section: String
    /// What it says, in order.
    public var blocks: [ArtifactBlock]
    /// How long it took.
    public var seconds: Double

    /// A part.
    public init(
        number: Int,
        title: String,
        section: String,
        blocks: [ArtifactBlock],
        seconds: Double = 0
    ) {
        self.number = number
        self.title = title
        self.section = section
        self.blocks = blocks
        self.seconds = seconds
    }

    /// All of its checks, in order.
    public var checks: [ArtifactCheck] {
        blocks.flatMap { block -> [ArtifactCheck] in
            if case .checks(let checks) = block { checks } else { [] }
        }
    }

    /// What falls short.
    public var shortfalls: [ArtifactCheck] { checks.filter { !$0.isMet } }

    /// Whether all checks hold; a part without any has shown nothing.
    public var isPassed: Bool { !checks.isEmpty && shortfalls.isEmpty }

    /// As `PASS: 12 checks`, or what fell short.
    public var verdict: String {
        guard !isPassed else { return "PASS: \(counted(checks.count, "check"))" }
        guard !checks.isEmpty else { return "FELL SHORT: nothing was checked" }
        let claims = shortfalls.map { "\($0.claim) (\($0.found))" }.joined(separator: "; ")
        return
            "FELL SHORT in \(shortfalls.count) of \(counted(checks.count, "check")): \(claims)"
    }
}
