/// The limit of a search under cost model `schedule`, whose work is exponential in the worst case.
public enum SearchEffort: String, Sendable, Codable, CaseIterable {
    /// Ends after about two seconds a template, and then gives a lower bound beside its best.
    case bounded
    /// Ends when the least is proved, however long that takes.
    case exhaustive

    /// Steps of one template's search.
    var templateSteps: Int {
        switch self {
        case .bounded: 30_000_000
        case .exhaustive: Int.max / 4
        }
    }

    /// Steps of one instantiation's search: some hundredths of a second where bounded.
    var instantiationSteps: Int {
        switch self {
        case .bounded: 10_000_000
        case .exhaustive: Int.max / 4
        }
    }
}
