import Foundation
import OobleckConsole
import Testing

/// The writer on descriptors that take nothing, or are gone.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StandardStreamTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    private func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// Fills what a descriptor takes without a reader.
    private func fill(_ descriptor: Int32) {
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        let bytes = [UInt8](repeating: UInt8(ascii: "."), count: 4096)
        while write(descriptor, bytes, bytes.count) > 0 {}
        while write(descriptor, bytes, 1) > 0 {}
        _ = fcntl(descriptor, F_SETFL, flags)
    }

    @Test("a pipe that nobody reads holds up nobody, and says what was left out when it is read")
    func fullPipe() throws {
        let ends = try makePipe()
        defer { close(ends.read) }
        fill(ends.write)
        let stream = StandardStream(ends.write, "the pipe")
        let line = String(repeating: "x", count: 1000)
        for _ in 0..<2000 { stream.show(.line(line)) }
        stream.flush(patience: 0.2)
        #expect(stream.write("last", patience: 0.2) == nil)
        // The reader comes back.
        let reader = Shared("")
        let thread = Thread {
            var buffer = [UInt8](repeating: 0, count: 65536)
            while !reader.value.hasSuffix("last") {
                let count = read(ends.read, &buffer, buffer.count)
                guard count > 0 else { return }
                let text = String(decoding: buffer.prefix(count), as: UTF8.self)
                reader.change { $0 = String(($0 + text).suffix(4 << 20)) }
            }
        }
        thread.start()
        stream.flush(patience: 20)
        let end = Date(timeIntervalSinceNow: 20)
        while !reader.value.hasSuffix("last"), Date() < end { usleep(1000) }
        #expect(reader.value.hasSuffix("last"))
        #expect(reader.value.contains(" lines were left out"))
        close(ends.write)
    }

    @Test("a terminal that stands still (Ctrl-S) holds up nobody")
    func stoppedTerminal() throws {
        let terminal = try Terminal()
        let stream = StandardStream(terminal.slave, "the terminal")
        #expect(stream.isTerminal)
        terminal.stop()
        for number in 0..<100 { stream.show(.line("line \(number)")) }
        stream.flush(patience: 0.2)
        #expect(stream.write("result", patience: 0.2) == nil)
        terminal.goOn()
        #expect(stream.write("!") == nil)
        #expect(terminal.read(until: "!").contains("line 99\r\nresult!"))
    }

    @Test("a terminal that is gone is told once, and later writes do no harm")
    func lostTerminal() throws {
        let terminal = try Terminal()
        let stream = StandardStream(terminal.slave, "the terminal")
        let losses = Shared(0)
        stream.watchTerminal { losses.change { $0 += 1 } }
        terminal.hangUp()
        #expect(stream.write("text") == .terminalLost)
        #expect(stream.write("text") == .terminalLost)
        let end = Date(timeIntervalSinceNow: 10)
        while losses.value == 0, Date() < end { usleep(1000) }
        #expect(losses.value == 1)
        #expect(!stream.hasReader)
    }

    @Test("a reader that left, a full disk and a closed descriptor are told apart")
    func failures() throws {
        let ends = try makePipe()
        let left = StandardStream(ends.write, "the pipe")
        #expect(left.hasReader)
        close(ends.read)
        #expect(!left.hasReader)
        #expect(left.write("text") == .readerLeft)
        close(ends.write)

        let full = open("/dev/full", O_WRONLY)
        let disk = StandardStream(full, "the file")
        #expect(disk.write("text") == .failed(ENOSPC))
        // The disk may have space again.
        #expect(disk.write("text") == .failed(ENOSPC))
        close(full)

        let input = open("/dev/null", O_RDONLY)
        let unwritable = StandardStream(input, "the file")
        #expect(unwritable.write("text") == .closed)
        close(input)
    }

    @Test("a descriptor that another program set not to wait gets all of a long text")
    func nonBlocking() throws {
        let ends = try makePipe()
        defer { close(ends.read) }
        _ = fcntl(ends.write, F_SETFL, fcntl(ends.write, F_GETFL) | O_NONBLOCK)
        let stream = StandardStream(ends.write, "the pipe")
        let length = 1 << 20
        let count = Shared(0)
        let thread = Thread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while count.value < length {
                let got = read(ends.read, &buffer, buffer.count)
                guard got > 0 else { return }
                count.change { $0 += got }
            }
        }
        thread.start()
        #expect(stream.write(String(repeating: "y", count: length)) == nil)
        let end = Date(timeIntervalSinceNow: 20)
        while count.value < length, Date() < end { usleep(1000) }
        #expect(count.value == length)
        close(ends.write)
    }
}
