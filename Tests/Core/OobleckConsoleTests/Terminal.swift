import Foundation
import OobleckTestSupport
import Synchronization
import Testing

/// A pseudo-terminal: what a program writes to `slave` can be read here.
final class Terminal {
    let slave: Int32
    private var master: Int32

    init() throws {
        let path: String
        (master, path) = try PseudoTerminal.open()
        slave = open(path, O_RDWR | O_NOCTTY)
        try #require(slave >= 0)
    }

    deinit {
        hangUp()
        close(slave)
    }

    /// As Ctrl-S does.
    func stop() { tcflow(slave, TCOOFF) }

    /// As Ctrl-Q does.
    func goOn() { tcflow(slave, TCOON) }

    /// As a connection does that breaks.
    func hangUp() {
        guard master >= 0 else { return }
        close(master)
        master = -1
    }

    /// What was written, up to `end`.
    func read(until end: String) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !text.hasSuffix(end) {
            let count = Foundation.read(master, &buffer, buffer.count)
            guard count > 0 else { break }
            text += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
        return text
    }
}

/// A value that several threads see.
final class Shared<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) { storage = Mutex(value) }

    var value: Value { storage.withLock { $0 } }

    func change(_ body: (inout sending Value) -> Void) { storage.withLock { body(&$0) } }
}
