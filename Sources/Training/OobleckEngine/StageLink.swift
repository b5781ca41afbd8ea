import OobleckCore
import OobleckModels
import OobleckTensor

/// Receives from one neighbour, posted ahead: the sender's transfer runs while this worker computes,
/// since Gloo moves bytes only once both sides have posted.
struct ReceiveQueue {
    /// Microbatches whose receives are posted ahead of the one that is waited for.
    private static let depth = 3

    private let group: CommunicationGroup
    private let peer: Int
    private let direction: StageLink.Direction
    private let tensors: [TensorDescription]
    private let precision: Precision?
    private var unposted: Int
    private var posted: [[(tensor: Tensor, transfer: PendingTransfer)]] = []

    /// Posts the first of `count` receives, each of the given tensors.
    init(
        group: CommunicationGroup,
        peer: Int,
        direction: StageLink.Direction,
        tensors: [TensorDescription],
        precision: Precision?,
        count: Int
    ) throws {
        self.precision = precision
        self.group = group
        self.peer = peer
        self.direction = direction
        self.tensors = tensors
        unposted = count
        try fill()
    }

    private mutating func fill() throws {
        while unposted > 0 && posted.count < Self.depth {
            posted.append(
                try tensors.enumerated().map { index, description in
                    let isShort = description.kind == .float32 && precision == .bfloat16
                    let type = isShort ? .bfloat16 : ElementType(description.kind)
                    let tensor = try Tensor.empty(description.shape, type)
                    let tag = direction.tag(index)
                    return (tensor, try group.startReceive(tensor, from: peer, tag: tag))
                }
            )
            unposted -= 1
        }
    }

    /// The next tensors, in the order of sending.
    mutating func next() throws -> [Tensor] {
        try fill()
        let transfers = posted.removeFirst()
        try fill()
        return try transfers.map { tensor, transfer in
            try transfer.wait()
            return tensor
        }
    }
}

/// Sends to one neighbour that have not been waited for yet.
struct SendQueue {
    /// Microbatches whose sends are under way at most, unless it is said; the oldest is waited for before
    /// another starts.
    static let depth = 16

    private let depth: Int
    private let group: CommunicationGroup
    private let peer: Int
    private let direction: StageLink.Direction
    private var pending: [[PendingTransfer]] = []

    init(
        group: CommunicationGroup,
        peer: Int,
        direction: StageLink.Direction,
        depth: Int = Self.depth
    ) {
        self.depth = depth
        self.group = group
        self.peer = peer
        self.direction = direction
    }

    mutating func send(_ tensors: [Tensor]) throws {
        if pending.count >= depth {
            for transfer in pending.removeFirst() { try transfer.wait() }
        }
        pending.append(
            try tensors.enumerated().map { index, tensor in
                let tag = direction.tag(index)
                return try group.startSend(try tensor.contiguous(), to: peer, tag: tag)
            }
        )
    }

    mutating func drain() throws {
        for transfer in pending.joined() { try transfer.wait() }
        pending = []
    }
}

/// The connection of a stage with the one before or the one after it, for one step.
struct StageLink {
    /// Which way tensors go; each has its own tags.
    enum Direction: Int {
        /// To the next stage.
        case activations = 0
        /// To the stage before.
        case gradients = 1

        /// The tag of the tensor at `index` of those that cross together.
        func tag(_ index: Int) -> Int { 2 * index + rawValue }
    }

    var receives: ReceiveQueue
    var sends: SendQueue
}
