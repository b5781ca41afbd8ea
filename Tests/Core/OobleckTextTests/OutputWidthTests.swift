import OobleckText
import Testing

@Suite(.timeLimit(.minutes(5))) struct OutputWidthTests {
    @Test("the width of an output follows the terminal, then COLUMNS")
    func width() {
        func limit(_ isTerminal: Bool, _ columns: Int, _ variable: String?) -> Int? {
            OutputWidth(isTerminal: isTerminal, terminalColumns: columns, variable: variable).limit
        }
        #expect(limit(true, 120, "40") == 119)
        #expect(limit(true, 0, "40") == 39)
        #expect(limit(true, 0, nil) == 79)
        #expect(limit(true, 0, "wide") == 79)
        #expect(limit(true, 0, "-4") == 79)
        #expect(limit(true, 3, nil) == 19)
        #expect(limit(false, 80, "80") == nil)
    }
}
