import OobleckCore

/// The values of one tensor of a microbatch, row-major.
package enum BatchValues: Hashable, Sendable {
    case int64([Int64])
    case int32([Int32])
    case float32([Float])
    /// Numbers of one byte, or truth values.
    case bytes([UInt8])
}

/// A sample of a microbatch.
package struct BatchSample: Hashable, Sendable {
    /// Its place in the endless order.
    package let position: Int
    /// Its place in the data.
    package let index: Int

    package init(position: Int, index: Int) {
        self.position = position
        self.index = index
    }
}
