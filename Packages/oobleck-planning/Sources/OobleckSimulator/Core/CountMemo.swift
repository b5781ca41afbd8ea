/// Values that depend on a small count alone, each computed once.
struct CountMemo<Value: Sendable>: Sendable {
    private var values: [Value?] = []

    /// The value of a count, which is at least 0; `make` is called if it was never asked for.
    mutating func value(_ count: Int, _ make: () -> Value) -> Value {
        if count < values.count, let known = values[count] { return known }
        let made = make()
        if count >= values.count {
            let missing = count + 1 - values.count
            values.append(contentsOf: repeatElement(nil, count: max(missing, values.count)))
        }
        values[count] = made
        return made
    }
}
