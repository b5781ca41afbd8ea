/// How much work a template search did: deterministic, unlike seconds.
package struct SearchCount: Hashable, Sendable {
    /// Lower bounds computed, one for each node count and each possible slowest stage.
    package var bounds = 0
    /// Dynamic programmes run.
    package var tables = 0
    /// States of those visited.
    package var states = 0
    /// Stages tried from those states.
    package var steps = 0

    /// All of it.
    package var total: Int { bounds + states + steps }

    mutating func add(_ other: SearchCount) {
        bounds += other.bounds
        tables += other.tables
        states += other.states
        steps += other.steps
    }
}
