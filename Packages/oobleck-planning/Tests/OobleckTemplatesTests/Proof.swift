import Foundation
import OobleckSeeds
import OobleckValues

/// How much is proved: a share in `make test`, all by `Scripts/prove-planner.sh`, which sets the
/// variables read here.
enum Proof {
    private static let environment = ProcessInfo.processInfo.environment

    /// Whether the larger cases are included.
    static let isFull = environment["OOBLECK_PROOF_CASES"] != nil

    /// One profile each.
    static let seeds: [Seed] = {
        let count = environment["OOBLECK_PROOF_CASES"].flatMap { UInt64($0) } ?? 360
        let first = environment["OOBLECK_PROOF_SEED"].flatMap { UInt64($0) } ?? 0
        return Seed.range(first..<first + count)
    }()

    /// Adds a line on a template that was compared, if anybody counts them.
    static func note(_ devicesPerNode: Int, _ costModel: CostModel, divisions: Int) throws {
        guard let path = environment["OOBLECK_PROOF_TALLY"] else { return }
        // Appended at once: cases run side by side.
        guard let file = fopen(path, "a") else { throw CocoaError(.fileWriteUnknown) }
        fputs("\(devicesPerNode) \(costModel.rawValue) \(divisions)\n", file)
        fclose(file)
    }
}
