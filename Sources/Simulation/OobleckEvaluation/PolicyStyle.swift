import OobleckPaperSimulator
import OobleckSimulator

/// Which colour, dash and mark a policy has: the same in all figures.
enum PolicyStyle {
    /// The style of a policy of our simulator.
    static func of(_ policy: SimulatedPolicy) -> Int {
        switch policy {
        case .oobleck: 0
        case .varuna: 1
        case .bamboo: 2
        case .oobleckPublished: 3
        case .checkpoint: 4
        case .asynchronousCheckpoint: 5
        case .recycle: 6
        case .replicaDrop: 7
        case .hotSpares: 8
        case .zeroCost: 9
        case .clairvoyant: 10
        // A policy of a client; no figure of ours has one.
        default: 11
        }
    }

    /// The style of a policy of the paper's simulator; `isCorrected` with its mistakes set right.
    static func of(_ policy: PaperPolicy, isCorrected: Bool = false) -> Int {
        switch policy {
        case .oobleck: of(isCorrected ? SimulatedPolicy.oobleckPublished : .oobleck)
        case .varuna: of(SimulatedPolicy.varuna)
        case .varunaWithoutOverhead: 11
        case .bamboo: of(SimulatedPolicy.bamboo)
        }
    }
}
