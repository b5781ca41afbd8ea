/// How wide output may be.
package enum OutputWidth: Hashable, Sendable {
    /// A terminal with this number of columns.
    case columns(Int)
    /// A file or a pipe, where nothing is cut or folded.
    case unlimited

    /// Narrower terminals are written to as if they were as wide as this.
    package static let least = 20
    /// Columns of a terminal that does not say.
    package static let usual = 80

    /// The width of an output.
    ///
    /// `terminalColumns` is what the terminal says, 0 where it does not know; `variable` is the
    /// environment's COLUMNS.
    package init(isTerminal: Bool, terminalColumns: Int, variable: String?) {
        guard isTerminal else {
            self = .unlimited
            return
        }
        let said = terminalColumns > 0 ? terminalColumns : variable.flatMap { Int($0) } ?? 0
        self = .columns(said > 0 ? max(said, Self.least) : Self.usual)
    }

    /// The most columns of a line; `nil` is any number.
    ///
    /// The last column stays free: some terminals break the line once it is taken.
    package var limit: Int? {
        switch self {
        case .columns(let columns): columns - 1
        case .unlimited: nil
        }
    }
}
