import Foundation
import OobleckCore
import OobleckData

/// One line of the ledger, chained to the line before by its hash: a committed step, the return to a
/// checkpoint, what the run computes with, or the loss of the validation data.
package struct LedgerLine: Hashable, Sendable {
    package var entry: HistoryEntry
    /// Hash of the line before; ``genesis`` for the first.
    package var previous: String
    /// SHA-256 of `previous`, then of the line without this field, hexadecimal.
    package var hash: String

    /// The step, if it is one.
    package var committed: CommittedStep? {
        if case .step(let step) = entry { step } else { nil }
    }

    /// What the first line is chained to.
    package static let genesis = String(repeating: "0", count: 64)

    /// The line that chains an entry to `previous`.
    ///
    /// A step's loss and gradient norm must be finite, but for a skipped step.
    package init(chaining entry: HistoryEntry, to previous: String) {
        self.entry = entry
        self.previous = previous
        hash = SHA256Hasher.hexadecimal(
            of: previous + "{\(Self.fields(entry, previous: previous))}"
        )
    }

    /// The line that chains a step to `previous`.
    package init(chaining step: CommittedStep, to previous: String) {
        self.init(chaining: .step(step), to: previous)
    }

    /// The line as it stands in the file, without the line feed: always the same bytes.
    package var text: String {
        "{\(Self.fields(entry, previous: previous)),\"hash\":\(JSONText.string(hash))}"
    }

    private static func fields(_ entry: HistoryEntry, previous: String) -> String {
        let content =
            switch entry {
            case .step(let step): fields(step)
            case .restored(let restored):
                "\"restored\":\(restored.step),\"generation\":\(restored.generation),"
                    + "\"state_sha256\":\(JSONText.string(restored.stateSHA256))"
            case .arithmetic(let recorded): fields(recorded)
            case .evaluation(let recorded): fields(recorded)
            }
        return "\(content),\"previous\":\(JSONText.string(previous))"
    }

    private static func fields(_ recorded: RecordedArithmetic) -> String {
        let arithmetic = recorded.arithmetic
        return "\"arithmetic\":\(JSONText.string(arithmetic.fingerprint)),"
            + "\"processor\":\(JSONText.string(arithmetic.processor)),"
            + "\"library\":\(JSONText.string(arithmetic.library)),"
            + "\"settings\":\(JSONText.string(arithmetic.settings)),"
            + "\"steps\":\(recorded.step),\"generation\":\(recorded.generation)"
    }

    private static func fields(_ recorded: RecordedEvaluation) -> String {
        "\"evaluated\":\(recorded.step),\"generation\":\(recorded.generation),"
            + "\"samples\":\(recorded.samples),\"loss\":\(number(recorded.loss))"
            + (recorded.targets.map { ",\"targets\":\($0)" } ?? "")
    }

    private static func fields(_ step: CommittedStep) -> String {
        "\"step\":\(step.step),\"generation\":\(step.generation),"
            + "\"first_sample\":\(step.firstSample),\"end_sample\":\(step.endSample),"
            + "\"loss\":\(number(step.loss)),"
            + "\"gradient_norm\":\(number(step.gradientNorm))"
            + (step.skipped.map { ",\"skipped\":\(JSONText.string($0))" } ?? "")
            + (step.targets.map { ",\"targets\":\($0)" } ?? "")
    }

    /// A number that is not finite, which only a skipped step or an evaluation has, is `null`.
    private static func number(_ value: Double) -> String {
        value.isFinite ? JSONText.number(value) : "null"
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
        case restored
        case stateSHA256 = "state_sha256"
        case skipped
        case targets
        case arithmetic
        case processor
        case library
        case settings
        case steps
        case evaluated
        case samples
        case previous
        case hash
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let generation = try container.decode(Generation.self, forKey: .generation)
        if let fingerprint = try container.decodeIfPresent(String.self, forKey: .arithmetic) {
            let arithmetic = Arithmetic(
                fingerprint: fingerprint,
                processor: try container.decode(String.self, forKey: .processor),
                library: try container.decode(String.self, forKey: .library),
                settings: try container.decode(String.self, forKey: .settings)
            )
            let steps = try container.decode(Int.self, forKey: .steps)
            entry = .arithmetic(
                RecordedArithmetic(arithmetic, step: steps, generation: generation)
            )
        } else if let step = try container.decodeIfPresent(Int.self, forKey: .evaluated) {
            entry = .evaluation(
                RecordedEvaluation(
                    step: step,
                    generation: generation,
                    samples: try container.decode(Int.self, forKey: .samples),
                    loss: try container.decode(Double?.self, forKey: .loss) ?? .nan,
                    targets: try container.decodeIfPresent(Int.self, forKey: .targets)
                )
            )
        } else if let step = try container.decodeIfPresent(Int.self, forKey: .restored) {
            entry = .restored(
                RestoredRun(
                    step: step,
                    generation: generation,
                    stateSHA256: try container.decode(String.self, forKey: .stateSHA256)
                )
            )
        } else {
            entry = .step(
                CommittedStep(
                    step: try container.decode(Int.self, forKey: .step),
                    generation: generation,
                    firstSample: try container.decode(Int.self, forKey: .firstSample),
                    endSample: try container.decode(Int.self, forKey: .endSample),
                    loss: try container.decode(Double?.self, forKey: .loss) ?? .nan,
                    gradientNorm: try container.decode(Double?.self, forKey: .gradientNorm) ?? .nan,
                    skipped: try container.decodeIfPresent(String.self, forKey: .skipped),
                    targets: try container.decodeIfPresent(Int.self, forKey: .targets)
                )
            )
        }
        previous = try container.decode(String.self, forKey: .previous)
        hash = try container.decode(String.self, forKey: .hash)
    }
}
