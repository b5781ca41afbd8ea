import OobleckWords
import Testing

@Suite(.timeLimit(.minutes(10))) struct CountedTests {
    @Test(
        "a count agrees with its noun",
        arguments: [
            (1, "node", "1 node"), (2, "node", "2 nodes"), (0, "node", "0 nodes"),
            (-1, "step", "-1 steps"), (2, "loss", "2 losses"),
            (3, "microbatch", "3 microbatches"), (4, "copy", "4 copies"), (1, "copy", "1 copy"),
            (2, "recovery", "2 recoveries"), (5, "day", "5 days"), (2, "more node", "2 more nodes"),
        ]
    )
    func counts(number: Int, noun: String, text: String) { #expect(counted(number, noun) == text) }
}
