import OobleckCore
import Testing

@testable import OobleckSimulator

@Suite struct TraceReaderTests {
    private func read(_ text: String) throws -> PreemptionTrace {
        try TraceReader.trace(text, name: "t")
    }

    /// As `601200-node5` or `0+node1`.
    private func short(_ trace: PreemptionTrace) -> [String] {
        trace.events.map { "\($0.milliseconds)\($0.change == .add ? "+" : "-")\($0.node)" }
    }

    @Test("an event list is read in order")
    func events() throws {
        let trace = try read("0,add,a\n0,add,b\n\n 500 , remove , a\r\n700,add,a\n")
        #expect(short(trace) == ["0+a", "0+b", "500-a", "700+a"])
        #expect(trace.end == 700)
        #expect(trace.hasJoins)
        #expect(trace.mostNodes == 2)
    }

    @Test("counts become nodes; the youngest goes first, the last count of a moment holds")
    func counts() throws {
        let trace = try read("0,0\n10,0\n10,3\n20,3\n20,1\n30,1")
        #expect(
            short(trace) == [
                "10000+node1", "10000+node2", "10000+node3", "20000-node3", "20000-node2",
            ]
        )
        #expect(trace.end == 30_000)
    }

    @Test("counts over hours have decimals, over milliseconds go past 10^7")
    func units() throws {
        #expect(try read("0.000,1\n0.500,2\n").end == 1_800_000)
        #expect(try read("0,1\n40000000,2\n").end == 40_000_000)
    }

    @Test("dated counts start at zero and run over midnight and new year")
    func dates() throws {
        let trace = try read("2021-12-31, 23:59:00, 2\n2022-01-01, 00:01:00, 1\n")
        #expect(short(trace) == ["0+node1", "0+node2", "120000-node2"])
    }

    @Test("Parcae's lists are read")
    func parcae() throws {
        let trace = try read(
            """
            [0, "add", {"nodes": ["n0", "n1"], "duration": 60000}]
            [60000, "no-op", {"nodes": [], "duration": 60000}]
            [120000, "remove", {"nodes": ["n1"], "duration": 60000}]
            """
        )
        #expect(short(trace) == ["0+n0", "0+n1", "120000-n1"])
        #expect(trace.end == 180_000)
    }

    @Test("SkyPilot's counts are read")
    func skyPilot() throws {
        let trace = try read(#"{"metadata": {"gap_seconds": 600.0}, "data": [1, 0, 2]}"#)
        #expect(short(trace) == ["0+node1", "600000-node1", "1200000+node2", "1200000+node3"])
        #expect(trace.end == 1_800_000)
    }

    @Test(
        "a bad line is named with its number and what is wrong",
        arguments: [
            ("0,add,a\n5,remove,b", "line 2: node b is removed, but it is not there"),
            ("0,add,a\n0,add,a", "line 2: node a is added, but it is there already"),
            ("9,add,a\n5,remove,a", "line 2: time 5 ms comes after 9 ms"),
            ("-1,add,a", "line 1: time -1 ms is not between"),
            ("0,add,a\n\n3,move,a", "line 3: \"move\" is neither add nor remove"),
            ("x,add,a", "line 1: \"x\" is no whole number of milliseconds"),
            ("0,add,", "line 1: the node has no name"),
            ("0,1,2,3", "line 1: 4 fields"),
            ("0,-3", "line 1: \"-3\" is no count"),
            ("5,1\n3,2", "line 2: time 3 comes after 5"),
            ("nan,1", "line 1: \"nan\" is no time"),
            ("0,1\n0,add,a", "line 2: another format"),
            ("2021-13-01, 00:00:00, 4", "line 1: \"2021-13-01 00:00:00\" is no date"),
            ("[0, \"add\"]", "line 1: not [milliseconds"),
            ("{}", "not {\"metadata\""),
            ("", "no events"),
            ("0,0\n5,0", "never a node"),
            ("9999999999999999,add,a", "is not between 0 and"),
            (#"{"metadata": {"gap_seconds": -1}, "data": [1]}"#, "gap_seconds is -1.0"),
            (#"{"metadata": {"gap_seconds": 60}, "data": [1, -1]}"#, "count 2 is -1"),
        ]
    )
    func mistakes(_ text: String, _ complaint: String) throws {
        let error = #expect(throws: OobleckError.self) { try read(text) }
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "none")")
        #expect(error?.code == .inputData)
    }

    @Test(
        "every public trace but the one that overlaps itself is read",
        .enabled(if: PublicTraces.isPresent, "the public traces are not beside the checkout")
    )
    func publicFiles() throws {
        for file in try PublicTraces.files() {
            if file.hasSuffix("v100x1-east1c.txt") {
                #expect(throws: OobleckError.self) { try PublicTraces.read(file) }
            } else {
                let trace = try PublicTraces.read(file)
                #expect(trace.mostNodes > 0, "\(file)")
                // Hours to days, so that no unit was mistaken.
                #expect(
                    (3_000_000...400_000_000).contains(trace.end)
                        || trace.events.allSatisfy {
                            $0.milliseconds == 0
                        },
                    "\(file) ends at \(trace.end) ms"
                )
            }
        }
    }

    @Test(
        "numbers that overflow are refused, not computed with",
        arguments: [
            "1e300,4\n", "0.5,1\n1e300,2\n", "2021-12-11, 9223372036854775807:00:00, 5\n",
            "2021-12-11, 11:9223372036854775807:00, 5\n", "2021-12-11, 24:00:00, 5\n",
            "[9223372036854775807, \"add\", {\"nodes\": [], \"duration\": 9223372036854775807}]\n",
            "[5, \"add\", {\"nodes\": [\"a\"], \"duration\": 9223372036854775807}]\n",
        ]
    )
    func overflow(text: String) {
        let error = #expect(throws: OobleckError.self) { try read(text) }
        #expect(error?.code == .inputData)
    }

    @Test("a few lines that stand for millions of comings and goings are refused")
    func bomb() {
        let text = (0..<40).map { "\($0),\($0 % 2 * 1_000_000)\n" }.joined()
        let error = #expect(throws: OobleckError.self) { try read(text) }
        #expect(error?.message.contains("come and go") == true)
    }
}
