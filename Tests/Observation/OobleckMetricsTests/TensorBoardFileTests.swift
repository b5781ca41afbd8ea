import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

@testable import OobleckMetrics

@Suite("Event files of TensorBoard", .timeLimit(.minutes(5)))
struct TensorBoardFileTests {
    @Test("the checksum is that of RFC 3720, appendix B.4")
    func checksum() {
        #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.of([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(CRC32C.of((0..<32).map { UInt8($0) }) == 0x46dd_794e)
    }

    @Test("the first record is the one with which TensorFlow begins its files, byte for byte")
    func version() {
        let framed = TensorBoardRecord.version(time: 0).framed
        #expect(framed.prefix(8) == [26, 0, 0, 0, 0, 0, 0, 0])
        #expect(framed.count == 8 + 4 + 26 + 4)
        #expect(String(decoding: framed, as: UTF8.self).contains("brain.Event:2"))
    }

    @Test("a step without measurements is a record without values")
    func empty() {
        var line = MetricsLine(step: 300, time: 1.5)
        let without = TensorBoardRecord(line).framed
        line.loss = 2.5
        let with = TensorBoardRecord(line).framed
        // The value's tag and number, and the keys and lengths of three fields.
        #expect(with.count == without.count + 13 + 4 + 5)
        #expect(String(decoding: with, as: UTF8.self).contains("loss/training"))
    }
}
