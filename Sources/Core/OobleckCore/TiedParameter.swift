/// A parameter that several layers use.
///
/// Each of these layers holds a copy. The gradient is the sum over all of them, so the copies stay
/// equal.
package struct TiedParameter: Hashable, Sendable {
    /// A layer that uses it, and its name there.
    package struct Use: Hashable, Sendable {
        package var layer: Int
        package var name: String

        package init(layer: Int, name: String) {
            self.layer = layer
            self.name = name
        }
    }

    /// By layer; at least two.
    package let uses: [Use]

    package init(uses: [Use]) { self.uses = uses }

    /// The parameter's name in a layer; `nil` where the layer does not use it.
    package func name(in layer: Int) -> String? { uses.first { $0.layer == layer }?.name }
}
