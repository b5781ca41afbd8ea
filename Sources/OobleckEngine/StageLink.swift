import OobleckTensor

/// Receives from one neighbour, posted ahead: the sender's transfer runs while this worker computes,
/// since Gloo moves bytes only once both sides have posted.
struct ReceiveQueue {
    /// Receives posted ahead of the one that is waited for.
    private static let depth = 3

    private let group: CommunicationGroup
    private let peer: Int
    private let tag: Int
    private let shape: [Int]
    private var unposted: Int
    private var posted: [(tensor: Tensor, transfer: PendingTransfer)] = []

    /// Posts the first of `count` receives of tensors of the given shape.
    init(group: CommunicationGroup, peer: Int, tag: Int, shape: [Int], count: Int) throws {
        self.group = group
        self.peer = peer
        self.tag = tag
        self.shape = shape
        unposted = count
        try fill()
    }

    private mutating func fill() throws {
        while unposted > 0 && posted.count < Self.depth {
            let tensor = try Tensor.empty(shape)
            posted.append((tensor, try group.startReceive(tensor, from: peer, tag: tag)))
            unposted -= 1
        }
    }

    /// The next tensor, in the order of sending.
    mutating func next() throws -> Tensor {
        try fill()
        let (tensor, transfer) = posted.removeFirst()
        try fill()
        try transfer.wait()
        return tensor
    }
}

/// Sends to one neighbour that have not been waited for yet.
struct SendQueue {
    /// Sends under way at most; the oldest is waited for before another starts.
    private static let depth = 16

    private let group: CommunicationGroup
    private let peer: Int
    private let tag: Int
    private var pending: [PendingTransfer] = []

    init(group: CommunicationGroup, peer: Int, tag: Int) {
        self.group = group
        self.peer = peer
        self.tag = tag
    }

    mutating func send(_ tensor: Tensor) throws {
        if pending.count >= Self.depth { try pending.removeFirst().wait() }
        pending.append(try group.startSend(try tensor.contiguous(), to: peer, tag: tag))
    }

    mutating func drain() throws {
        for transfer in pending { try transfer.wait() }
        pending = []
    }
}

/// The connection of a stage with the one before or the one after it, for one step.
struct StageLink {
    /// Tags that keep the two directions apart.
    enum Tag {
        static let activation = 0
        static let gradient = 1
    }

    var receives: ReceiveQueue
    var sends: SendQueue
}
