import OobleckCore
import OobleckWire
import SwiftProtobuf

extension WireShard {
    init(_ report: ShardReport) {
        self.init()
        generation = Int64(report.generation.rawValue)
        step = Int64(report.step)
        layer = Int64(report.layer)
        heldUpSeconds = report.heldUp.value
        switch report.outcome {
        case .failed(let message): failed = message
        case .written(let digest):
            written = .with {
                $0.sha256 = digest.sha256
                $0.fileSha256 = digest.fileSHA256
                $0.bytes = Int64(digest.bytes)
            }
        }
    }

    /// Throws one line that names the message when it makes no sense.
    func report() throws -> ShardReport {
        let outcome: ShardReport.Outcome
        switch self.outcome {
        case .failed(let message): outcome = .failed(message)
        case .written(let digest):
            outcome = .written(
                ShardDigest(
                    sha256: digest.sha256,
                    fileSHA256: digest.fileSha256,
                    bytes: try index(digest.bytes, "ShardDigest.bytes")
                )
            )
        case nil: throw malformed("Shard", "has no outcome")
        }
        return ShardReport(
            generation: try OobleckTransport.generation(generation, "Shard"),
            step: try index(step, "Shard.step"),
            layer: try index(layer, "Shard.layer"),
            outcome: outcome,
            heldUp: measured(heldUpSeconds)
        )
    }
}
