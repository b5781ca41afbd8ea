import OobleckCoordination
import OobleckCore

/// What a coordinator's machine keeps of a run: a database of changes and a ledger of lines, each with an
/// end that has not reached the device yet, and is lost in part or whole when the machine loses power.
///
/// As in production: a change is brought to the device about a second after the one before, and at once
/// where the next coordinator has to know it also after a loss of power; so is a line.
struct SimulatedFiles {
    /// Longest time between two times that something is brought to the device, in seconds.
    private static let interval = 1.0

    /// All changes so far, summed up.
    private(set) var state = DurableState()
    private var stable = DurableState()
    /// Changes that are not on the device.
    private var recent: [DurableChange] = []
    private var stateSynchronized = 0.0

    private(set) var lines: [HistoryEntry] = []
    /// Lines that are on the device.
    private var stableLines = 0
    private var linesSynchronized = 0.0

    var history: RecordedHistory {
        lines.reduce(into: RecordedHistory()) { $0.append($1) }
    }

    /// Bugs put back in.
    var bugs: KnownBugs = []

    mutating func persist(_ change: DurableChange, now: Double) {
        state.apply(change)
        recent.append(change)
        let isUrgent = change.isUrgent && !bugs.contains(.joinsForgotten)
        guard isUrgent || now - stateSynchronized >= Self.interval else { return }
        stateSynchronized = now
        (stable, recent) = (state, [])
    }

    mutating func append(_ entry: HistoryEntry, now: Double) {
        lines.append(entry)
        switch entry {
        case .restored: return synchronizeLines()
        case .evaluation where !bugs.contains(.evaluationsUnsynchronized):
            return synchronizeLines()
        default: break
        }
        guard now - linesSynchronized >= Self.interval else { return }
        linesSynchronized = now
        synchronizeLines()
    }

    mutating func synchronizeLines() { stableLines = lines.count }

    /// Any end of what is not on the device is gone, of each file for itself.
    mutating func losePower(_ random: inout SeededRandom) {
        state = stable
        for change in recent.prefix(random.index(below: recent.count + 1)) { state.apply(change) }
        lines.removeLast(random.index(below: lines.count - stableLines + 1))
        (stable, recent, stableLines) = (state, [], lines.count)
    }

    /// Makes both agree again, by the rule of production; what was added to the ledger.
    mutating func reconcile(now: Double) -> [HistoryEntry] {
        let known = bugs.contains(.ledgerIgnored) ? state.history : history
        let missing = HistoryReconciliation(store: state, ledger: known)
        for entry in missing.entries { append(entry, now: now) }
        for change in missing.changes { persist(change, now: now) }
        return missing.entries
    }

    /// Takes over what another store has kept.
    mutating func follow(_ state: DurableState) {
        (self.state, stable, recent) = (state, state, [])
    }
}
