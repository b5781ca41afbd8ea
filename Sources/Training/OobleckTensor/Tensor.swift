import CTorch

/// Element types that the engine uses.
package enum ElementType: Sendable {
    case float32
    case bfloat16
    case int64
    case int32
    case uint8
    case boolean

    var shimType: CTType {
        switch self {
        case .float32: CT_FLOAT32
        case .bfloat16: CT_BFLOAT16
        case .int64: CT_INT64
        case .int32: CT_INT32
        case .uint8: CT_UINT8
        case .boolean: CT_BOOLEAN
        }
    }
}

/// Where the elements of a tensor lie.
package enum Place: Sendable {
    /// In the memory of the process's device (``TensorRuntime/use(_:)``): for the CPU, the host's.
    case device
    /// In the memory of the host.
    case host

    var shimPlace: CTPlace {
        switch self {
        case .device: CT_ON_DEVICE
        case .host: CT_HOST
        }
    }
}

/// A tensor of libtorch.
///
/// Confined to one thread, except where a collective owns it.
package final class Tensor {
    private let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }

    deinit { ct_tensor_free(handle) }

    /// Calls `body` with the handle while this object is certain to live.
    func withHandle<Result>(_ body: (OpaquePointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(handle) }
    }

    /// Uninitialised elements of the given shape, row-major.
    package static func empty(
        _ shape: [Int],
        _ type: ElementType = .float32,
        at place: Place = .device
    ) throws -> Tensor {
        let sizes = shape.map(Int64.init)
        let rank = Int32(sizes.count)
        return Tensor(
            owning: try produce {
                ct_tensor_empty(sizes, rank, type.shimType, place.shimPlace, &$0)
            }
        )
    }

    /// Zeros of the given shape, row-major.
    package static func zeros(
        _ shape: [Int],
        _ type: ElementType = .float32,
        at place: Place = .device
    ) throws -> Tensor {
        let sizes = shape.map(Int64.init)
        let rank = Int32(sizes.count)
        return Tensor(
            owning: try produce {
                ct_tensor_zeros(sizes, rank, type.shimType, place.shimPlace, &$0)
            }
        )
    }

    /// A copy of `values` in libtorch's own storage.
    package static func copying(
        _ values: [Int64],
        shape: [Int],
        at place: Place = .device
    ) throws -> Tensor {
        let tensor = try empty(shape, .int64, at: place)
        try tensor.fill(from: values)
        return tensor
    }

    /// A copy of `values` in libtorch's own storage.
    package static func copying(
        _ values: [Float],
        shape: [Int],
        at place: Place = .device
    ) throws -> Tensor {
        let tensor = try empty(shape, at: place)
        try tensor.fill(from: values)
        return tensor
    }

    /// A copy of `values` in libtorch's own storage, whose elements are of the given type.
    package static func copying<Element: BitwiseCopyable>(
        _ values: [Element],
        shape: [Int],
        as type: ElementType
    ) throws -> Tensor {
        let tensor = try empty(shape, type)
        precondition(
            tensor.byteCount == values.count * MemoryLayout<Element>.stride,
            "\(values.count) values for shape \(shape)"
        )
        try values.withUnsafeBytes { source in
            try tensor.withMutableBytes { unsafe $0.copyMemory(from: source) }
        }
        return tensor
    }

    private func fill<Element>(from values: [Element]) throws {
        precondition(values.count == count, "\(values.count) values for shape \(shape)")
        try values.withUnsafeBytes { source in
            try withMutableBytes { unsafe $0.copyMemory(from: source) }
        }
    }

    /// A view of this flat tensor's elements from `offset`, in the given shape.
    package func view(from offset: Int, shape: [Int]) throws -> Tensor {
        let sizes = shape.map(Int64.init)
        return try withHandle { base in
            Tensor(
                owning: try produce {
                    ct_tensor_view(base, Int64(offset), sizes, Int32(sizes.count), &$0)
                }
            )
        }
    }

    /// The same storage outside any graph; a leaf that collects gradients when asked to.
    package func leaf(requiresGradient: Bool) throws -> Tensor {
        try withHandle { base in
            Tensor(owning: try produce { ct_tensor_leaf(base, requiresGradient, &$0) })
        }
    }

    /// This tensor with its elements in row-major order, copied only when they are not.
    package func contiguous() throws -> Tensor {
        try withHandle { base in Tensor(owning: try produce { ct_tensor_contiguous(base, &$0) }) }
    }

    /// Copies the elements of `source`, which has the same shape.
    package func copy(from source: Tensor) throws {
        try withHandle { target in
            try source.withHandle { try check(ct_tensor_copy(target, $0)) }
        }
    }

    /// Adds the elements of `source`, which has the same shape, in place.
    package func accumulate(_ source: Tensor) throws {
        try withHandle { target in
            try source.withHandle { try check(ct_tensor_accumulate(target, $0)) }
        }
    }

    /// A fast digest of a contiguous tensor's bytes, started from `seed`.
    ///
    /// Tensors that differ in one bit never have the same. At the speed of memory.
    package func digest(seed: UInt64) throws -> UInt64 {
        var digest: UInt64 = 0
        try withHandle { try check(ct_digest($0, seed, &digest)) }
        return digest
    }

    /// The handle, for calls within `withExtendedLifetime` of this object.
    var bareHandle: OpaquePointer? { handle }

    /// Whether the elements are floating point numbers, so that gradients can pass.
    package var isFloatingPoint: Bool { withHandle { ct_tensor_is_floating_point($0) } }

    /// Number of elements.
    package var count: Int { withHandle { Int(ct_tensor_count($0)) } }

    /// Size along each dimension.
    package var shape: [Int] {
        withHandle { handle in
            (0..<ct_tensor_rank(handle)).map { Int(ct_tensor_size(handle, $0)) }
        }
    }

    /// The only element's value.
    package func item() throws -> Double {
        var value = 0.0
        try withHandle { try check(ct_tensor_item($0, &value)) }
        return value
    }

    /// Size of the elements together.
    package var byteCount: Int {
        withHandle { Int(ct_tensor_count($0) * ct_tensor_element_bytes($0)) }
    }

    /// Whether the elements lie in the memory of the host.
    package var isOnHost: Bool { withHandle { ct_tensor_is_on_host($0) } }

    /// This tensor in the memory of the host, copied only when it is elsewhere.
    package func onHost() throws -> Tensor {
        try withHandle { source in Tensor(owning: try produce { ct_tensor_to_host(source, &$0) }) }
    }

    /// The bytes of a contiguous tensor; of a copy, where it is not in the memory of the host.
    package func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard isOnHost else { return try onHost().withBytes(body) }
        return try withHandle { handle in
            // Valid: libtorch owns `byteCount` contiguous bytes for as long as the handle lives.
            let start = unsafe UnsafeRawPointer(ct_tensor_data(handle))
            return try unsafe body(UnsafeRawBufferPointer(start: start, count: byteCount))
        }
    }

    /// The bytes of a contiguous tensor, writable; where it is not in the memory of the host, those of
    /// a copy that is copied back.
    package func withMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard isOnHost else {
            let copy = try onHost()
            let result = try copy.withMutableBytes(body)
            try self.copy(from: copy)
            return result
        }
        return try withHandle { handle in
            // Valid: as for reading; the caller's thread is the only one that uses the tensor.
            let start = unsafe ct_tensor_data(handle)
            return try unsafe body(UnsafeMutableRawBufferPointer(start: start, count: byteCount))
        }
    }

    /// Whether all elements of a float32 tensor are finite.
    package func isFinite() throws -> Bool { try floats().allSatisfy(\.isFinite) }

    /// The elements of a float32 tensor.
    package func floats() throws -> [Float] {
        try contiguous().withBytes { unsafe Array($0.bindMemory(to: Float.self)) }
    }
}
