import OobleckLaunch
import Testing

@Suite("Lines of a stream", .timeLimit(.minutes(5)))
struct LineBufferTests {
    @Test("are the same however the stream is cut, and of bounded length", .timeLimit(.minutes(5)))
    func cuts() {
        let bytes = Array("one\n\nthree is too long\nrest".utf8)
        for first in 0...bytes.count {
            var buffer = LineBuffer(longest: 8)
            let lines = buffer.add(bytes[..<first]) + buffer.add(bytes[first...])
            #expect(lines == ["one", "", "three is"])
            #expect(buffer.end() == "rest")
            #expect(buffer.end() == nil)
        }
    }
}
