import OobleckCore
import OobleckText
import Testing

@Suite(.timeLimit(.minutes(5))) struct NodeListTests {
    @Test("nodes are numbers with commas between; anything else is refused with one line")
    func list() throws {
        #expect(try NodeID.list("2,5", option: "--lose") == [2, 5])
        #expect(try NodeID.list(nil, option: "--lose") == [])
        for text in ["", "2,", "2;5", "-1", "two"] {
            let error = #expect(throws: OobleckError.self, "\(text)") {
                try NodeID.list(text, option: "--lose")
            }
            #expect(error?.code == .usage)
        }
    }
}
