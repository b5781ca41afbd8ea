import OobleckValues
import OobleckWords
import Testing

@Suite("Lines for people", .timeLimit(.minutes(10)))
struct LineForPeopleTests {
    @Test("a message is one line of bounded length, whatever it repeats")
    func bounds() {
        let evil = "a\nb\u{1b}[31m\u{0}" + String(repeating: "ä", count: 100_000) + "end"
        let error = OobleckError(.inputData, evil)
        #expect(error.message.utf8.count < 2100)
        #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        #expect(error.message.hasPrefix("a b [31m ää"))
        #expect(error.message.hasSuffix("ääend"))
    }

    @Test("a message that is a line already stays as it is")
    func plain() {
        for text in ["", "disk full", String(repeating: "x", count: 2000), "\u{1F480} ä"] {
            #expect(OobleckError(.storage, text).message == text)
        }
    }
}
