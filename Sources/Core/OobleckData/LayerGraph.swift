import OobleckCore

/// The operators of one layer, in the order in which they run (`graph-N.json`).
///
/// Values have slots: first the layer's inputs, then one for each node.
package struct LayerGraph: Hashable, Sendable {
    /// A constant or a value.
    package enum Argument: Hashable, Sendable {
        case none
        case boolean(Bool)
        case integer(Int)
        case number(Double)
        case text(String)
        /// A property of tensors: `dtype`, `device`, `layout` or `memory_format`, by Python's name.
        case property(kind: String, name: String)
        case slot(Int)
        case integers([Int])
        case numbers([Double])
        case booleans([Bool])
        /// Values by their slots; `nil` is none.
        case slots([Int?])
    }

    package struct Node: Hashable, Sendable {
        /// `aten::linear`, or ``LayerGraph/getItem``.
        package var name: String
        package var overload: String
        package var arguments: [Argument]
        package var keywords: [(name: String, value: Argument)]
        /// Whether gradients pass through it.
        package var passesGradient: Bool
        /// Whether it may compute with fewer digits where the job says so.
        package var takesAutocast: Bool

        package static func == (left: Self, right: Self) -> Bool {
            left.name == right.name && left.overload == right.overload
                && left.arguments == right.arguments && left.passesGradient == right.passesGradient
                && left.takesAutocast == right.takesAutocast
                && left.keywords.map(\.name) == right.keywords.map(\.name)
                && left.keywords.map(\.value) == right.keywords.map(\.value)
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(name)
            hasher.combine(arguments)
        }
    }

    /// Takes one of the results of the node in a slot.
    package static let getItem = "getitem"

    package let inputCount: Int
    package let nodes: [Node]
    /// Slots of the results.
    package let outputs: [Int]
}
