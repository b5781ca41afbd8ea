/// What a worker computes on.
package enum DeviceKind: String, Hashable, Sendable, Codable, CaseIterable {
    case cpu
    /// A GPU of NVIDIA's.
    case cuda
}
