import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import Synchronization

/// Writes copies of layers to a checkpoint's folder, beside training, on a thread of its own.
///
/// At most one save's copies are in memory: an order that comes while an earlier one is still being
/// written is refused.
final class CheckpointWriter: Sendable {
    /// Layers as they were at a step boundary, for one order.
    struct Copy: Sendable {
        let order: CheckpointOrder
        let model: ModelSpecification
        /// Data section of each layer's state file, in the order's order.
        let layers: [(layer: Int, bytes: [UInt8])]
        /// How long copying held training up.
        let heldUp: Seconds
    }

    /// How much less of a processor the thread asks for than training does (`nice`).
    private static let niceness: Int32 = 10
    private static let stackBytes = 8 << 20

    private let link: any ControlLink
    private let faults: @Sendable () -> FaultInjector
    /// The step that is being written.
    private let busy = Mutex<Int?>(nil)

    /// A writer that reports over `link`.
    ///
    /// `faults` makes the staged failures of the writing thread.
    init(link: any ControlLink, faults: @escaping @Sendable () -> FaultInjector) {
        self.link = link
        self.faults = faults
    }

    /// The step of the save that is still being written; `nil` if there is none.
    var unfinishedStep: Int? { busy.withLock { $0 } }

    /// Starts to write; the thread ends once all layers are reported.
    func start(_ copy: Copy) {
        let isFree = busy.withLock { step in
            defer { step = step ?? copy.order.step }
            return step == nil
        }
        precondition(isFree, "a checkpoint is still being written")
        do {
            try SystemThread.start(stackBytes: Self.stackBytes) {
                // On Linux this is the thread's own, not the process's.
                _ = setpriority(__priority_which_t(0), 0, Self.niceness)
                self.write(copy)
                self.busy.withLock { $0 = nil }
            }
        } catch {
            busy.withLock { $0 = nil }
            refuse(copy.order, because: "\(error)")
        }
    }

    /// Reports that an order cannot be carried out.
    func refuse(_ order: CheckpointOrder, because reason: String) {
        guard let layer = order.layers.first else { return }
        report(order, layer: layer, .failed(reason), heldUp: 0)
    }

    private func write(_ copy: Copy) {
        let order = copy.order
        let faults = faults()
        var layers = copy.layers[...]
        do {
            try Self.makeFolder(order.folder)
            // A copy's memory is freed as soon as it is written.
            while let (layer, bytes) = layers.popFirst() {
                let digest = try LayerFile.write(
                    bytes,
                    ofLayer: layer,
                    model: copy.model,
                    to: order.folder
                )
                faults.reach(.midCheckpoint, step: order.step)
                report(order, layer: layer, .written(digest), heldUp: copy.heldUp)
            }
        } catch {
            let layer = layers.first?.layer ?? order.layers.last ?? 0
            report(order, layer: layer, .failed(oneLine(error)), heldUp: copy.heldUp)
        }
    }

    private func report(
        _ order: CheckpointOrder,
        layer: Int,
        _ outcome: ShardReport.Outcome,
        heldUp: Seconds
    ) {
        link.send(
            .shard(
                ShardReport(
                    generation: order.generation,
                    step: order.step,
                    layer: layer,
                    outcome: outcome,
                    heldUp: heldUp
                )
            )
        )
    }

    /// Several workers make the same folder; its parent must be there.
    private static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            let cure = errno == ENOENT ? "; \(CheckpointLayout.sharedFolderCure)" : ""
            let reason = systemReason()
            throw OobleckError(.storage, "cannot make the folder \(path): \(reason)\(cure)")
        }
    }
}
