import Foundation
import OobleckTestSupport
import Testing

/// Rules that the compiler does not know.
@Suite(.timeLimit(.minutes(5))) struct SourceTests {
    private static let forbidden = [
        #"(?<![\w.])print\("#, #"FileHandle\.standard(Output|Error)"#, #"\bfputs\("#,
        #"(?<![\w.])signal\(SIG(INT|TERM|HUP|PIPE)"#, "makeSignalSource",
    ]

    @Test("only OobleckConsole writes to standard output and standard error, or takes signals over")
    func output() throws {
        let sources = URL(fileURLWithPath: Checkout.path + "/Sources")
        let names = try #require(FileManager.default.enumerator(atPath: sources.path))
        let patterns = try Self.forbidden.map { try NSRegularExpression(pattern: $0) }
        var count = 0
        for case let name as String in names
        where name.hasSuffix(".swift") && !name.hasPrefix("Core/OobleckConsole/") {
            count += 1
            let path = sources.appendingPathComponent(name).path
            let text = try String(contentsOfFile: path, encoding: .utf8)
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated()
            where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                let whole = NSRange(location: 0, length: line.utf16.count)
                let isFine = patterns.allSatisfy {
                    $0.firstMatch(in: String(line), range: whole) == nil
                }
                #expect(isFine, "\(name):\(number + 1): \(line)")
            }
        }
        #expect(count > 100)
    }
}
