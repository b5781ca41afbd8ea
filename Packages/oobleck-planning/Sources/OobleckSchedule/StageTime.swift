public import OobleckValues

/// Forward and backward time of one microbatch at one stage, and its way to the next stage.
public struct StageTime: Hashable, Sendable {
    /// F.
    public var forward: Seconds
    /// B.
    public var backward: Seconds
    /// The way of the output to the stage after, and of its gradient back; unused at the last stage.
    public var handover: Handover

    /// The times of one stage.
    public init(forward: Seconds, backward: Seconds, handover: Handover = .free) {
        self.forward = forward
        self.backward = backward
        self.handover = handover
    }

    /// The times of a template's stage.
    public init(_ stage: StageTemplate) {
        self.init(forward: stage.forward, backward: stage.backward, handover: stage.handover)
    }
}
