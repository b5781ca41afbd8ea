/// A count with its noun in the right number: `1 node`, `2 nodes`, `0 losses`, `3 copies`.
///
/// The noun stands in the singular, and its plural follows the rules of English spelling.
public func counted(_ number: some BinaryInteger, _ noun: String) -> String {
    "\(number) \(number == 1 ? noun : plural(noun))"
}

private func plural(_ noun: String) -> String {
    if ["s", "x", "ch", "sh"].contains(where: noun.hasSuffix) { return noun + "es" }
    guard noun.hasSuffix("y"), let before = noun.dropLast().last, !"aeiou".contains(before) else {
        return noun + "s"
    }
    return noun.dropLast() + "ies"
}
