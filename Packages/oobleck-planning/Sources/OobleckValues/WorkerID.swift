/// Names one worker of a run: the training process on one device of a node.
///
/// Membership, loss and fencing are a node's; votes, digests and places in groups are a worker's.
public struct WorkerID: Hashable, Comparable, Sendable, Codable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    /// The node that the worker belongs to, and is lost with.
    public let node: NodeID
    /// Index of its device among those of the node.
    public let device: Int

    /// The worker on a device of a node; the first device where none is named.
    public init(_ node: NodeID, device: Int = 0) {
        self.node = node
        self.device = device
    }

    /// The worker on the first device of the node with this number.
    public init(integerLiteral value: Int) { self.init(NodeID(value)) }

    /// Reads ``description``; `nil` for any other text.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...2).contains(parts.count), let node = parts[0], node >= 0 else { return nil }
        guard parts.count == 2 else {
            self.init(NodeID(node))
            return
        }
        guard let device = parts[1], device > 0 else { return nil }
        self.init(NodeID(node), device: device)
    }

    /// Whether the left one is less: by node, then by device.
    public static func < (left: WorkerID, right: WorkerID) -> Bool {
        (left.node, left.device) < (right.node, right.device)
    }

    /// The node's number, and after a slash the device unless it is the first: `3`, `3/1`.
    public var description: String { device == 0 ? "\(node)" : "\(node)/\(device)" }
}

extension Sequence<WorkerID> {
    /// The nodes of the workers, each once, ascending.
    public var nodes: [NodeID] { Set(map(\.node)).sorted() }
}
