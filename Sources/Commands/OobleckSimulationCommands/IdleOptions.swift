import OobleckCore

/// Options that somebody gave and that have no effect beside the others.
package struct IdleOptions {
    private let names: [String]

    /// Of these options the ones that have a value.
    package init(_ options: [(name: String, value: Any?)]) {
        names = options.filter { $0.value != nil }.map(\.name)
    }

    /// Throws `.usage` when there are any, with the reason why they have no effect.
    package func refuse(_ reason: String) throws {
        guard !names.isEmpty else { return }
        throw OobleckError(.usage, "\(sentence) \(reason)")
    }

    /// What to tell of options that do no harm; `nil` when there are none.
    package func note(_ reason: String) -> String? { names.isEmpty ? nil : "\(sentence) \(reason)" }

    private var sentence: String {
        guard let last = names.last else { return "" }
        let others = names.dropLast().joined(separator: ", ")
        return others.isEmpty ? "\(last) has no effect" : "\(others) and \(last) have no effect"
    }
}
