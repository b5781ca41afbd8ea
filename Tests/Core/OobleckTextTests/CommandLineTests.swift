import OobleckText
import Testing

@Suite(.timeLimit(.minutes(5))) struct CommandLineTests {
    @Test("a negative number belongs to the option before it")
    func negativeNumbers() {
        func joined(_ text: String) -> String {
            CommandLineText.joiningNegativeNumbers(text.split(separator: " ").map(String.init))
                .joined(separator: " ")
        }
        #expect(joined("train a.yaml --steps -3 --nodes 2") == "train a.yaml --steps=-3 --nodes 2")
        #expect(joined("x --seed -1 -2") == "x --seed=-1 -2")
        #expect(joined("x --rate -.5 --days -inf") == "x --rate=-.5 --days=-inf")
        #expect(joined("x --steps=4 -3") == "x --steps=4 -3")
        #expect(joined("x --supervise -h") == "x --supervise -h")
        #expect(joined("x -- --steps -3") == "x -- --steps -3")
        #expect(joined("-3") == "-3")
    }

    @Test("a command that is not known gets a suggestion")
    func commands() {
        let known = ["demo", "train", "drain", "status", "help"]
        func answer(_ word: String?) -> String? {
            CommandLineText.unknownCommand(word, program: "oobleck", among: known)
        }
        #expect(answer("trian") == "there is no command \"trian\"; did you mean train?")
        #expect(answer("stat") == "there is no command \"stat\"; did you mean status?")
        #expect(
            answer("completely-else")
                == "there is no command \"completely-else\"; oobleck --help lists them"
        )
        #expect(answer("train") == nil)
        #expect(answer("--version") == nil)
        #expect(answer(nil) == nil)
    }

    @Test(
        "a bad value is told with the option and what would be right",
        arguments: [
            ("-1", "", "--x is '-1'; it must be a whole number, at least 0"),
            ("1.5", "", "--x is '1.5'; it must be a whole number"),
            ("many", "", "--x is 'many'; it must be a number"),
            (
                "99999999999999999999", "",
                "--x is '99999999999999999999'; it must be a whole number, and a smaller one"
            ),
            (
                "jsn", ". Please provide one of 'text' and 'json'.",
                "--x is 'jsn'; it must be one of text, json; did you mean json?"
            ),
            (
                "q", ". Please provide one of the following:\n  - one\n  - two",
                "--x is 'q'; it must be one of one, two"
            ),
            ("q", ": it must be late", "--x is 'q'; it must be late"),
        ]
    )
    func values(value: String, reason: String, expected: String) {
        let message = "The value '\(value)' is invalid for '--x <x>'\(reason)"
        #expect(CommandLineText.improved(message, command: "oobleck train") == expected)
    }

    @Test("an unknown option is told with where to look")
    func options() {
        let command = "oobleck train"
        #expect(
            CommandLineText.improved("Unknown option '--zzz'", command: command)
                == "Unknown option '--zzz'; oobleck train --help lists them"
        )
        let near = "Unknown option '--stepz'. Did you mean '--steps'?"
        #expect(CommandLineText.improved(near, command: command) == near)
    }

    @Test(
        "suggested paths are one word of a shell",
        arguments: [
            ("runs/mine-1", "runs/mine-1"), ("my run", "'my run'"), ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"), ("", "''"), ("a\nb", "$'a\\nb'"), ("größe", "größe"),
            ("~/x", "'~/x'"), ("-rf", "./-rf"), ("a;b", "'a;b'"), ("*", "'*'"),
            ("a\u{1}'", "$'a\\u0001\\''"),
        ]
    )
    func quoting(path: String, word: String) { #expect(path.shellQuoted == word) }

    @Test("the nearest name has the fewest edits")
    func distances() {
        #expect(NearestNames.of("traning", among: ["training", "model"]) == ["training"])
        #expect(NearestNames.distance("kitten", "sitting") == 3)
    }
}
