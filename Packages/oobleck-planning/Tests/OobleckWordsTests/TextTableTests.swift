import OobleckWords
import Testing

@Suite(.timeLimit(.minutes(10))) struct TextTableTests {
    private func table() -> TextTable {
        var table = TextTable([
            .init("name"), .init("time", .right), .init("follows from"), .init("meaning"),
        ])
        table.append(["heartbeat", "0.50 s", "budget / 4", "between two signs of life"])
        table.append(["formation grace", "12.50 s", "probe", "a group that does not form"])
        return table
    }

    @Test("columns are as wide as their widest cell and never touch")
    func layout() {
        #expect(
            table().lines(limit: nil) == [
                "name                time  follows from  meaning",
                "heartbeat         0.50 s  budget / 4    between two signs of life",
                "formation grace  12.50 s  probe         a group that does not form",
            ]
        )
    }

    @Test("a last column of text is folded under itself")
    func folded() {
        let lines = table().lines(limit: 65)
        #expect(lines.allSatisfy { $0.columns <= 65 })
        #expect(lines.last == String(repeating: " ", count: 40) + "form")
    }

    @Test("where that does not do, each row becomes a paragraph", arguments: [39, 30, 19])
    func paragraphs(limit: Int) {
        let lines = table().lines(limit: limit)
        #expect(lines.first == "name heartbeat")
        #expect(lines.contains("  time: 0.50 s"))
        #expect(lines.allSatisfy { $0.split(separator: "\n").allSatisfy { $0.count <= limit } })
    }

    @Test("a table of numbers keeps its columns, and has none that is folded")
    func numbers() {
        var table = TextTable([.init("policy"), .init("samples/s", .right), .init("$", .right)])
        table.append(["oobleck", "13.20", "998"])
        #expect(
            table.lines(limit: 79) == ["policy   samples/s    $", "oobleck      13.20  998"]
        )
        #expect(
            table.lines(limit: 15) == ["policy oobleck", "  samples/s:\n    13.20", "  $: 998"]
        )
    }
}
