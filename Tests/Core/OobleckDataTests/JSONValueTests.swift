import OobleckCore
import OobleckData
import Testing

@Suite("JSON of others, by the letter", .timeLimit(.minutes(5))) struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8), path: "a.json")
    }

    @Test("values are what they say")
    func values() throws {
        let text = "{\"a\": [1, -2.5e3, true, null], \"b\": {\"c\": \"x\\n\\u00e9\\ud83d\\ude00\"}}"
        let fields = try #require(try parse(text).fields)
        #expect(fields.keys == ["a", "b"])
        #expect(fields["a"]?.array?.map(\.double) == [1, -2500, nil, nil])
        #expect(fields["a"]?.array?[0].integer == 1)
        #expect(fields["a"]?.array?[1].integer == nil)
        #expect(fields["a"]?.array?[2].boolean == true)
        #expect(fields["b"]?.fields?["c"]?.string == "x\né\u{1F600}")
        #expect(try parse(" [ ] ").array == [])
        #expect(try parse("{}").fields?.keys == [])
    }

    @Test("numbers that do not fit are none")
    func numbers() throws {
        #expect(try parse("9223372036854775807").integer == Int.max)
        #expect(try parse("9223372036854775808").integer == nil)
        #expect(try parse("12.0").integer == nil)
        #expect(try parse("1e400").double == nil)
        #expect(try parse("-0").integer == 0)
    }

    @Test("a byte order mark of UTF-8 is skipped, UTF-16 is named")
    func marks() throws {
        let bytes: [UInt8] = [0xEF, 0xBB, 0xBF] + Array("{\"a\":1}".utf8)
        #expect(try JSONValue(parsing: bytes, path: "a").fields?["a"]?.integer == 1)
        #expect(throws: OobleckError.self) {
            try JSONValue(parsing: bytes, path: "a", allowsMark: false)
        }
        let wide = "{}".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let error = #expect(throws: OobleckError.self) {
            try JSONValue(parsing: [0xFF, 0xFE] + wide, path: "a")
        }
        #expect(error?.message.contains("UTF-16") == true)
    }

    @Test(
        "what is not JSON is refused, with its place",
        arguments: [
            ("", "a.json:1:1"), ("{\"a\": 1,\n \"a\": 2}", "a.json:2:2: a is there twice"),
            ("{\"a\": NaN}", "a.json:1:7: a number that is not finite"),
            ("[-Infinity]", "not finite"), ("[1,]", "no JSON value"), ("{\"a\" 1}", "a colon"),
            ("[1 2]", "a comma or ]"), ("01", "no JSON number"), ("1.", "no JSON number"),
            ("1e", "no JSON number"), ("-", "no JSON number"), ("\"a", "does not end"),
            ("\"\u{1}\"", "control character"), ("\"\\q\"", "unknown escape"),
            ("\"\\ud800\"", "surrogate"), ("\"\\u00g0\"", "hexadecimal"), ("{} {}", "follows"),
            ("{a: 1}", "a key in quotes"), ("tru", "no JSON value"),
            (String(repeating: "[", count: 100), "nested"),
        ]
    )
    func faults(text: String, part: String) {
        let error = #expect(throws: OobleckError.self) { try parse(text) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
}
