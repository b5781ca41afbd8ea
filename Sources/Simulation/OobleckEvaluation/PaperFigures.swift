import OobleckPaperSimulator
import OobleckSimulator

/// The paper's figures and tables, with the published values beside ours.
struct PaperFigures {
    let results: PaperResults

    static let policies: [PaperPolicy] = [.bamboo, .varuna, .oobleck]
    static let titles: [PaperPolicy: String] = [
        .bamboo: "Bamboo", .varuna: "Varuna", .oobleck: "Oobleck",
        .varunaWithoutOverhead: "Varuna without checkpoint overhead",
    ]
}
