import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckTransport
import OobleckWire
import SwiftProtobuf

/// What a run on an ``EngineBench`` has exchanged and kept so far, without signs of life.
struct BenchTraffic {
    /// Messages between the coordinator and its workers, and their bytes on the wire.
    var messages = 0
    var messageBytes = 0
    /// Changes and lines that the coordinator has kept.
    var writes = 0
    /// Bytes of the ledger's lines of steps, with their line feeds.
    var ledgerBytes = 0
    /// Bytes of tensors that workers handed over to be sent or summed.
    var tensorBytes = 0

    mutating func note(_ message: WorkerMessage, from node: NodeID) throws {
        messages += 1
        messageBytes += try Self.size(of: WireWorkerReport(.message(message), node: node))
    }

    mutating func note(_ directive: CoordinatorInstance.Directive) throws {
        if directive.isKept { writes += 1 }
        switch directive {
        case .worker(_, let instruction):
            messages += 1
            messageBytes += try Self.size(of: WireWorkerInstruction(instruction))
        case .record(let step):
            ledgerBytes += LedgerLine(chaining: step, to: LedgerLine.genesis).text.utf8.count + 1
        default: break
        }
    }

    private static func size(of message: some SwiftProtobuf.Message) throws -> Int {
        let bytes: [UInt8] = try message.serializedBytes()
        return bytes.count
    }
}
