/// The element types of tensors that go into layers and come out of them.
package enum ElementKind: String, Hashable, Sendable, Codable, CaseIterable {
    case float32
    case int64
    case int32
    case uint8
    case boolean = "bool"

    /// Bytes of one element.
    package var byteCount: Int {
        switch self {
        case .int64: 8
        case .float32, .int32: 4
        case .uint8, .boolean: 1
        }
    }
}

/// Name, shape and element type of a tensor.
package struct TensorDescription: Hashable, Sendable, Codable {
    package var name: String
    package var shape: [Int]
    package var kind: ElementKind

    package init(_ name: String, _ shape: [Int], _ kind: ElementKind = .float32) {
        self.name = name
        self.shape = shape
        self.kind = kind
    }

    private enum CodingKeys: String, CodingKey {
        case name
        case shape
        case kind = "dtype"
    }

    package var elementCount: Int { shape.reduce(1, *) }
}
