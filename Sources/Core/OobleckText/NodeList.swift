import OobleckCore

extension NodeID {
    /// Reads the nodes of an option, as `2,5`; an absent one names none.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line.
    package static func list(_ text: String?, option: String) throws -> [NodeID] {
        guard let text else { return [] }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let number = Int(part), number >= 0 else {
                throw OobleckError(
                    .usage,
                    "\(option) \"\(text)\" does not name nodes: \"\(part)\" is no node number; "
                        + "give numbers with commas between, as 2,5"
                )
            }
            return NodeID(number)
        }
    }
}
