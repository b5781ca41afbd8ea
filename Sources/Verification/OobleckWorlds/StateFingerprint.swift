/// A number for a value's whole content, by reflection: equal values have equal numbers within one
/// run of the program, whatever order their sets and dictionaries are kept in.
///
/// What later versions of a type come to hold is covered without a change here. Slow: for small
/// worlds only.
enum StateFingerprint {
    /// The number of `value`, without the top-level properties labelled by `skipping`.
    static func of(_ value: Any, skipping: Set<String> = []) -> UInt64 {
        if skipping.isEmpty, let hashable = value as? AnyHashable {
            return scramble(UInt64(bitPattern: Int64(hashable.hashValue)))
        }
        let mirror = Mirror(reflecting: value)
        let isUnordered = mirror.displayStyle == .set || mirror.displayStyle == .dictionary
        var result = scramble(UInt64(mirror.children.count))
        if mirror.children.isEmpty { return scramble(result ^ text("\(value)")) }
        for child in mirror.children {
            if let label = child.label, skipping.contains(label) { continue }
            let number = of(child.value) ^ (isUnordered ? 0 : text(child.label ?? ""))
            result = isUnordered ? result &+ scramble(number) : scramble(result ^ number)
        }
        return result
    }

    private static func text(_ text: String) -> UInt64 {
        UInt64(bitPattern: Int64(text.hashValue))
    }
}
