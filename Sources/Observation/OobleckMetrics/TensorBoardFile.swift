import Foundation
import OobleckCore
import OobleckData
import OobleckRecording
import OobleckRunFiles
import Synchronization

/// Writes the numbers of each step as an event file of TensorBoard.
///
/// The format is TFRecord: each record has its length, the masked CRC-32C of that, the record, and the masked
/// CRC-32C of the record; a record is a message `Event` (tensorflow/core/util/event.proto).
package final class TensorBoardFile: Sendable {
    private struct State {
        var lines: MetricsLines
        var file: OpenFile?
        var hasFailed = false
    }

    private let folder: String
    private let job: JobSpecification
    private let state: Mutex<State>
    private let complain: @Sendable (String) -> Void

    /// A file in the folder `tensorboard` of the run's directory; trouble is told once, in one line.
    package init(
        _ directory: RunDirectory,
        _ job: JobSpecification,
        complain: @escaping @Sendable (String) -> Void
    ) {
        folder = directory.path + "/tensorboard"
        self.job = job
        self.complain = complain
        let lines = MetricsLines(job: job, committed: Self.lastStep(of: directory))
        state = Mutex(State(lines: lines))
    }

    /// The step that a resumed run has committed last.
    static func lastStep(of directory: RunDirectory) -> CommittedStep? {
        do {
            return try LedgerEnd.history(path: directory.ledgerPath).committed
        } catch {
            // The run itself refuses such a ledger.
            return nil
        }
    }

    /// Takes what the run tells its observers.
    package func receive(_ update: RunUpdate) {
        let time = Seconds(Date().timeIntervalSince1970)
        state.withLock { state in
            guard !state.hasFailed else { return }
            var records = state.lines.lines(for: update, at: time).map(TensorBoardRecord.init)
            if case .event(let event) = update, case .restored(let restored) = event.event.content {
                records.append(.restart(step: restored.step, time: time.value))
            }
            guard !records.isEmpty else { return }
            do {
                let file = try state.file ?? open(time)
                state.file = file
                try file.write(records.flatMap(\.framed))
            } catch {
                state.hasFailed = true
                complain("no more is written for TensorBoard: \(oneLine(error))")
            }
        }
    }

    private func open(_ time: Seconds) throws -> OpenFile {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        let name = "events.out.tfevents.\(Int(time.value)).oobleck.\(getpid())"
        let file = try OpenFile("\(folder)/\(name)", for: .append)
        try file.write(TensorBoardRecord.version(time: time.value).framed)
        return file
    }
}

/// One message `Event` of TensorBoard.
struct TensorBoardRecord {
    private var message = ProtobufMessage()

    /// The numbers of a step.
    init(_ line: MetricsLine) {
        let values: [(String, Double?)] = [
            ("loss/training", line.loss), ("loss/validation", line.validationLoss),
            ("training/learning_rate", line.learningRate),
            ("training/gradient_norm", line.gradientNorm),
            ("speed/samples_per_second", line.samplesPerSecond),
            ("speed/tokens_per_second", line.tokensPerSecond),
            ("speed/step_seconds", line.stepTime?.value), ("speed/idle_share", line.idleShare),
            ("speed/model_flops_utilization", line.utilization),
            ("step/compute_seconds", line.compute?.value), ("step/wait_seconds", line.wait?.value),
            ("step/synchronization_seconds", line.synchronization?.value),
            ("step/update_seconds", line.update?.value),
            ("step/commit_seconds", line.commit?.value),
            ("cluster/nodes", line.nodes.map(Double.init)),
            ("cluster/pipelines", line.pipelines.map(Double.init)),
            ("cluster/generation", line.generation.map { Double($0.rawValue) }),
            ("cluster/memory_bytes", line.memory.map { Double($0.value) }),
        ]
        var summary = ProtobufMessage()
        for case (let name, let number?) in values where number.isFinite {
            var value = ProtobufMessage()
            value.add(1, text: name)
            value.add(2, float: Float(number))
            summary.add(1, value)
        }
        begin(line.time.value, step: line.step)
        message.add(5, summary)
    }

    private init(time: Double, step: Int) { begin(time, step: step) }

    private mutating func begin(_ time: Double, step: Int) {
        message.add(1, double: time)
        message.add(2, number: step)
    }

    /// The first record of a file.
    static func version(time: Double) -> TensorBoardRecord {
        var record = TensorBoardRecord(time: time, step: 0)
        record.message.add(3, text: "brain.Event:2")
        return record
    }

    /// Tells that what was written of later steps counts no more.
    static func restart(step: Int, time: Double) -> TensorBoardRecord {
        var record = TensorBoardRecord(time: time, step: step + 1)
        var log = ProtobufMessage()
        // SessionLog.status: START.
        log.add(1, number: 1)
        record.message.add(7, log)
        return record
    }

    /// The record as it stands in the file.
    var framed: [UInt8] {
        let body = message.bytes
        let length = Self.little(UInt64(body.count), bytes: 8)
        return length + Self.little(UInt64(CRC32C.masked(length)), bytes: 4) + body
            + Self.little(UInt64(CRC32C.masked(body)), bytes: 4)
    }

    private static func little(_ value: UInt64, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }
}

/// The few kinds of fields that such messages have, in the wire format of protocol buffers.
private struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: Int, number: Int) {
        key(field, wireType: 0)
        variable(UInt64(bitPattern: Int64(number)))
    }

    mutating func add(_ field: Int, double: Double) {
        key(field, wireType: 1)
        for shift in 0..<8 {
            bytes.append(UInt8(truncatingIfNeeded: double.bitPattern >> (8 * UInt64(shift))))
        }
    }

    mutating func add(_ field: Int, float: Float) {
        key(field, wireType: 5)
        for shift in 0..<4 {
            bytes.append(UInt8(truncatingIfNeeded: float.bitPattern >> (8 * UInt32(shift))))
        }
    }

    mutating func add(_ field: Int, text: String) { add(field, content: Array(text.utf8)) }

    mutating func add(_ field: Int, _ message: ProtobufMessage) {
        add(field, content: message.bytes)
    }

    private mutating func add(_ field: Int, content: [UInt8]) {
        key(field, wireType: 2)
        variable(UInt64(content.count))
        bytes += content
    }

    private mutating func key(_ field: Int, wireType: Int) {
        variable(UInt64(field << 3 | wireType))
    }

    private mutating func variable(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(value & 0x7f) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }
}

/// The checksum of TFRecord.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1
        }
    }

    /// CRC-32C (Castagnoli).
    static func of(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { table[Int(($0 ^ UInt32($1)) & 0xff)] ^ $0 >> 8 }
    }

    /// As TFRecord stores it.
    static func masked(_ bytes: [UInt8]) -> UInt32 {
        let value = of(bytes)
        return (value >> 15 | value << 17) &+ 0xa282_ead8
    }
}
