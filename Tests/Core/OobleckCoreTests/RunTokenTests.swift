import OobleckCore
import Testing

@Suite("Run token", .timeLimit(.minutes(5)))
struct RunTokenTests {
    @Test("only the very same text is admitted, whatever its length")
    func admission() throws {
        var generator = SystemRandomNumberGenerator()
        let token = RunToken(using: &generator)
        let secret = token.secret
        #expect(token.admits(secret))
        // Also a claim that repeats the secret, which a comparison byte by byte must not take.
        for claim in ["", "0", secret + "0", secret + secret, String(secret.dropLast()), " "] {
            #expect(!token.admits(claim))
        }
        for position in secret.indices {
            var claim = secret
            let other: Character = claim[position] == "0" ? "1" : "0"
            claim.replaceSubrange(position...position, with: [other])
            #expect(!token.admits(claim))
        }
    }

    @Test("a token without any text admits nobody")
    func empty() {
        let token: RunToken = ""
        #expect(!token.admits(""))
        #expect(!token.admits("a"))
    }

    @Test("a token does not print, in whatever way")
    func printing() throws {
        var generator = SystemRandomNumberGenerator()
        let token = RunToken(using: &generator)
        var dumped = ""
        dump(token, to: &dumped)
        let shown = ["\(token)", String(reflecting: token), dumped, "\([token])", "\((token, 1))"]
        for text in shown { #expect(!text.contains(token.secret)) }
    }

    @Test("a token has 256 random bits as 64 digits, and no two are equal")
    func making() throws {
        var generator = SystemRandomNumberGenerator()
        let tokens = (0..<1000).map { _ in RunToken(using: &generator).secret }
        #expect(Set(tokens).count == 1000)
        for token in tokens { #expect(try RunToken(parsing: token).secret == token) }
    }

    @Test(
        "what is no token is refused in one line that does not repeat it",
        arguments: [
            "", "5ec7e7", String(repeating: "g", count: 64), String(repeating: "ä", count: 32),
        ]
    )
    func parsing(text: String) {
        let error = #expect(throws: OobleckError.self) { try RunToken(parsing: text) }
        #expect(error?.code == .inputData)
        if let message = error?.message {
            #expect(text.isEmpty || !message.contains(text))
            #expect(!message.contains("\n"))
        }
    }
}
