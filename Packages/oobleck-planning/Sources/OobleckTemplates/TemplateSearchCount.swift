/// How much work a template search did: deterministic, unlike seconds.
@_spi(Benchmarks) public struct SearchCount: Hashable, Sendable {
    /// Lower bounds computed, one for each node count and each possible slowest stage.
    public var bounds = 0
    /// Dynamic programmes run.
    public var tables = 0
    /// States of those visited.
    public var states = 0
    /// Stages tried from those states.
    public var steps = 0

    /// All of it.
    public var total: Int { bounds + states + steps }

    mutating func add(_ other: SearchCount) {
        bounds += other.bounds
        tables += other.tables
        states += other.states
        steps += other.steps
    }
}
