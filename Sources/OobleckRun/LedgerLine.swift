import Foundation
import OobleckCore
import OobleckData

/// One line of the ledger: a committed step, chained to the line before by its hash.
package struct LedgerLine: Hashable, Sendable {
    package var committed: CommittedStep
    /// Hash of the line before; ``genesis`` for the first.
    package var previous: String
    /// SHA-256 of `previous`, then of the line without this field, hexadecimal.
    package var hash: String

    /// What the first line is chained to.
    package static let genesis = String(repeating: "0", count: 64)

    /// The line that chains a step to `previous`.
    ///
    /// Loss and gradient norm must be finite.
    package init(chaining committed: CommittedStep, to previous: String) {
        self.committed = committed
        self.previous = previous
        hash = SHA256Hasher.hexadecimal(
            of: previous + "{\(Self.fields(committed, previous: previous))}"
        )
    }

    /// The line as it stands in the file, without the line feed: always the same bytes.
    package var text: String {
        "{\(Self.fields(committed, previous: previous)),\"hash\":\(JSONText.string(hash))}"
    }

    private static func fields(_ step: CommittedStep, previous: String) -> String {
        "\"step\":\(step.step),\"generation\":\(step.generation),"
            + "\"first_sample\":\(step.firstSample),\"end_sample\":\(step.endSample),"
            + "\"loss\":\(JSONText.number(step.loss)),"
            + "\"gradient_norm\":\(JSONText.number(step.gradientNorm)),"
            + "\"previous\":\(JSONText.string(previous))"
    }
}

extension LedgerLine: Decodable {
    private enum CodingKeys: String, CodingKey {
        case step
        case generation
        case firstSample = "first_sample"
        case endSample = "end_sample"
        case loss
        case gradientNorm = "gradient_norm"
        case previous
        case hash
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        committed = CommittedStep(
            step: try container.decode(Int.self, forKey: .step),
            generation: try container.decode(Generation.self, forKey: .generation),
            firstSample: try container.decode(Int.self, forKey: .firstSample),
            endSample: try container.decode(Int.self, forKey: .endSample),
            loss: try container.decode(Double.self, forKey: .loss),
            gradientNorm: try container.decode(Double.self, forKey: .gradientNorm)
        )
        previous = try container.decode(String.self, forKey: .previous)
        hash = try container.decode(String.self, forKey: .hash)
    }
}
