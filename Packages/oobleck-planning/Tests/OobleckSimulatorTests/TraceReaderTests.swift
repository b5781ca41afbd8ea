import Foundation
import OobleckSeeds
import OobleckValues
import Testing

@testable import OobleckSimulator

@Suite(.timeLimit(.minutes(10))) struct TraceReaderTests {
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

    @Test("every public trace is read; one of the collection overlaps itself and is refused")
    func publicFiles() throws {
        for file in try PublicTraces.all() {
            if file.hasSuffix("v100x1-east1c.txt") {
                #expect(throws: OobleckError.self) { try TraceReader(path: file).read() }
            } else {
                let trace = try TraceReader(path: file).read()
                #expect(trace.mostNodes > 0, "\(file)")
                // Hours to days, so that no unit was mistaken.
                let isAtOnce = trace.events.allSatisfy { $0.milliseconds == 0 }
                #expect(
                    (3_000_000...400_000_000).contains(trace.end) || isAtOnce,
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

    @Test(
        "four nodes, one lost after ten minutes and back after twenty, in every unit and form",
        arguments: [
            ("0,4\n600,3\n1200,4", "seconds"),
            ("0.0,4\n600.5,3\n1200.0,4", "seconds"),
            ("0.000,4\n0.167,3\n0.3333333,4", "hours"),
            ("1669852800,4\n1669853400,3\n1669854000,4", "epoch seconds"),
            ("1669852800.25,4\n1669853400.5,3\n1669854000.25,4", "epoch seconds"),
            ("1669852800000,4\n1669853400000,3\n1669854000000,4", "epoch milliseconds"),
            ("1669852800000000,4\n1669853400000000,3\n1669854000000000,4", "epoch microseconds"),
            (
                "1669852800000000000,4\n1669853400000000000,3\n1669854000000000000,4",
                "epoch nanoseconds"
            ),
            ("time_ms,nodes\n0,4\n600000,3\n1200000,4", "milliseconds"),
            ("Time (s),count\r\n0,4\r\n600,3\r\n1200,4\r\n", "seconds"),
            ("\u{FEFF}\"0\",\"4\"\n\"600\",\"3\"\n\"1200\",\"4\"", "seconds"),
            ("2021-12-31, 23:50:00, 4\n2022-01-01, 00:00:00, 3\n2022-01-01, 00:10:00, 4", "dates"),
            (
                "date,nodes\n2021-12-31T23:50:00Z,4\n2022-01-01T01:00:00+01:00,3\n"
                    + "2022-01-01 00:10:00Z,4",
                "dates"
            ),
            ("2016-12-31, 23:50:00, 4\n2016-12-31, 23:59:60, 3\n2017-01-01, 00:10:00, 4", "dates"),
        ]
    )
    func forms(_ text: String, _ times: String) throws {
        let reading = try TraceReader.reading(text, name: "t", unit: nil)
        #expect(reading.times == times)
        let lost = reading.trace.events.filter { $0.change == .remove }.map(\.milliseconds)
        #expect(lost.count == 1 && abs((lost.first ?? 0) - 600_000) <= 1300)
        #expect(abs(reading.trace.end - 1_200_000) <= 1)
        #expect(reading.summary == "times read as \(times); 3 lines over 0.01 days")
        #expect(throws: Never.self) { try reading.requirePlausibleLength(path: "t") }
    }

    @Test("events have dates or times since 1970, too; a stated unit scales them")
    func eventForms() throws {
        for (text, unit) in [
            ("1669852800,add,a\n1669853400,remove,a", nil),
            ("1669852800000,add,a\n1669853400000,remove,a", nil),
            ("2021-12-11 11:11:30,add,a\n2021-12-11 11:21:30,remove,a", nil),
            ("2021-12-11,11:11:30,add,a\n2021-12-11,11:21:30,remove,a", nil),
            ("0,add,a\n600.0,remove,a", TraceUnit.seconds), ("0,add,a\n10,remove,a", .minutes),
            ("time,event,node\n0,add,a\n600000,remove,a", nil),
        ] {
            let reading = try TraceReader.reading(text, name: "t", unit: unit)
            #expect(short(reading.trace) == ["0+a", "600000-a"], "\(text)")
        }
    }

    @Test(
        "where the unit cannot be told, it is asked for",
        arguments: [
            ("0,4\n600000,3\n1200000,4", "13.9 days if times are in seconds"),
            ("0,4\n60000,3\n120000,4", "120 s if in milliseconds"),
            ("0,4\n300.5,3\n500,4", "20.8 days if times are in hours, 500 s if in seconds"),
            ("0.0,4\n60.5,3\n120.0,4", "5.0 days if times are in hours, 120 s if in seconds"),
            ("0,add,a\n600.5,remove,a", "\"600.5\" is no whole number of milliseconds; if it has"),
        ]
    )
    func unknownUnit(_ text: String, _ complaint: String) throws {
        let error = #expect(throws: OobleckError.self) { try read(text) }
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "none")")
        #expect(error?.message.contains("which, as in unit") == true)
        #expect(throws: Never.self) {
            try TraceReader.reading(text, name: "t", unit: .seconds)
        }
    }

    @Test("a trace of a second is more likely of another unit")
    func implausibleLength() throws {
        for text in ["0,add,a\n1200,remove,a", "0,4\n1,3\n2,4", "0,4\n60,3\n120,4"] {
            let reading = try TraceReader.reading(text, name: "t", unit: nil)
            let error = #expect(throws: OobleckError.self) {
                try reading.requirePlausibleLength(path: "t.csv")
            }
            #expect(error?.message.contains("t.csv: the trace lasts") == true)
            let stated = try TraceReader.reading(text, name: "t", unit: .seconds)
            #expect(throws: Never.self) { try stated.requirePlausibleLength(path: "t.csv") }
        }
    }

    @Test(
        "what is no time is refused",
        arguments: [
            ("2021-02-31, 11:11:30, 4", "month 2 of 2021 has 28 days"),
            ("2021-02-29T00:00:00Z,4", "month 2 of 2021 has 28 days"),
            ("1900-02-29, 11:11:30, 4", "is no date"), ("2021-04-31, 11:11:30, 4", "30 days"),
            ("2021-12-11, 24:00:00, 4", "is no date"), ("2021-12-11, 11:60:00, 4", "is no date"),
            ("2021-12-11, 11:11:60, 4", "is no date"), ("2021-13-01 00:00:00,4", "is no date"),
            ("2021-12-11 11:11:30+25:00,4", "no time zone"),
            ("2021-12-11 11:11:30,4\n2021-12-11 11:12:30Z,4", "line 2: "),
            ("2021-12-11 11:11:30,4\n700,4", "is of another format than"),
            ("2021-12-11 11:11:30,4\n2021-12-11 11:10:30,4", "sort the lines"),
            ("inf,4", "is no time"), ("-5,4", "is no time from 0 upward"), ("0x10,4", "is no time"),
            ("0,4\n1669853400,3", "time jumps from 0 to 1669853400"),
            ("0,add,a\n1669853400,remove,a", "time jumps from 0 to 1669853400"),
            ("1669853400,add,a\n1669852800,remove,a", "sort the events by time"),
            ("time,count\n", "no events"), ("600\n", "line 1: 1 field"),
            ("0;4\n600;3", "line 1: 1 field"),
        ]
    )
    func noTimes(_ text: String, _ complaint: String) throws {
        let error = #expect(throws: OobleckError.self) { try read(text) }
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "none")")
        #expect(error?.code == .inputData)
    }

    @Test("days and leap years are those of Foundation's calendar", arguments: 0..<200)
    func calendar(index: Int) throws {
        let seconds = Double(index) * 20_012_345
        let format = ISO8601DateFormatter()
        let text = format.string(from: Date(timeIntervalSince1970: seconds))
        #expect(try TraceStamp(text).value == seconds)
    }
}
