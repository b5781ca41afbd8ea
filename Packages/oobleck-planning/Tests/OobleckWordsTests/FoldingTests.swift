import OobleckWords
import Testing

@Suite(.timeLimit(.minutes(10))) struct FoldingTests {
    @Test(
        "columns are those of a terminal, not bytes",
        arguments: [
            ("", 0), ("step 3", 6), ("größer", 6), ("▁▂█", 3), ("層を計画", 8), ("e\u{301}", 1),
            ("👍", 2), ("👨‍👩‍👧", 2), ("❤️", 2), ("\u{200B}a\u{7}", 1), ("한국", 4), ("ＡＢ", 4),
        ]
    )
    func columns(text: String, columns: Int) { #expect(text.columns == columns) }

    @Test("a beginning never splits a wide character")
    func prefixes() {
        #expect("層を計画".prefix(columns: 5) == "層を")
        #expect("abc".prefix(columns: 5) == "abc")
        #expect("abc".prefix(columns: 0).isEmpty)
    }

    @Test("cells are filled up by columns")
    func cells() {
        #expect("層".padded(to: 4) + "|" == "層  |")
        #expect("層".aligned(to: 4) == "  層")
        #expect("long".padded(to: 2) == "long")
    }

    @Test("no line is longer than the limit", arguments: Array(10...120))
    func limit(_ limit: Int) {
        let text =
            "generation 0: 2 pipelines of 3+3 nodes: predicted step 366.5 ms; next best 3 "
            + "pipelines of 2+2+2 nodes would take 367.5 ms"
        let lines = text.folded(limit: limit).split(separator: "\n")
        let words = text.split(separator: " ")
        #expect(lines.allSatisfy { String($0).columns <= max(limit, 14) })
        #expect(lines.flatMap { $0.split(separator: " ") } == words)
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix(" ") })
    }

    @Test("without a limit nothing is folded or cut")
    func unlimited() {
        let text = String(repeating: "word ", count: 500)
        #expect(text.folded(limit: nil) == text)
    }

    @Test("long words stay whole, and spaces in front stay")
    func words() {
        let digest = String(repeating: "a", count: 64)
        #expect("  state \(digest)".folded(limit: 20, indent: 2) == "  state\n  \(digest)")
    }
}
