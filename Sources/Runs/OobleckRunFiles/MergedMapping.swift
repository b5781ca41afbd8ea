import Yams

/// The entries of a YAML mapping with those that its merge keys (`<<`) bring in.
///
/// As YAML 1.1 has it: a mapping's own keys win over merged ones, and of several merged mappings the
/// first that has a key.
struct MergedMapping {
    /// The most mappings that are merged into one, so that aliases of aliases end.
    private static let mostMerged = 1000

    private(set) var entries: [(key: Node, value: Node)] = []
    /// Merge keys that merge nothing.
    private(set) var problems: [(line: Int, message: String)] = []
    private var keys: Set<Node> = []
    private var merged = 0

    /// Adds a mapping's entries whose keys are not there yet.
    mutating func add(_ mapping: Node.Mapping) {
        for (key, value) in mapping where !Self.isMerge(key) {
            if keys.insert(key).inserted { entries.append((key, value)) }
        }
        for (key, value) in mapping where Self.isMerge(key) { merge(value, key.mark?.line ?? 1) }
    }

    private mutating func merge(_ value: Node, _ line: Int) {
        let sources =
            switch value {
            case .sequence(let sequence): Array(sequence)
            default: [value]
            }
        for source in sources {
            guard case .mapping(let mapping) = source else {
                problems.append(
                    (
                        line,
                        "<< merges mappings; it must be one, or an alias of one, or a list of them"
                    )
                )
                return
            }
            merged += 1
            guard merged <= Self.mostMerged else {
                problems.append((line, "<< merges more than \(Self.mostMerged) mappings"))
                return
            }
            add(mapping)
        }
    }

    /// Quoted, it is a key like any other.
    private static func isMerge(_ key: Node) -> Bool {
        guard case .scalar(let scalar) = key else { return false }
        return scalar.string == "<<" && scalar.style == .plain
    }
}
