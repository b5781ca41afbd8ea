import Foundation
import OobleckCore
import Testing

@testable import OobleckEvaluation

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite struct EvaluationTests {
    /// All files of the paper's figures without spot traces, made once.
    private static let files: [String: String] = {
        do {
            let evaluation = Evaluation(
                traces: nil,
                trials: 2,
                seed: 42,
                version: "1.2.3",
                isPaperOnly: true
            )
            let made = try evaluation.files(clock: { 0 }, progress: { _ in })
            return Dictionary(uniqueKeysWithValues: made.map { ($0.name, $0.text) })
        } catch {
            Issue.record("\(error)")
            return [:]
        }
    }()

    private static var tables: [String] {
        files.keys.filter { $0.hasSuffix(".csv") }.sorted()
    }

    @Test("every table says by which seed, constants, traces and version it was made")
    func provenance() throws {
        #expect(Self.tables.count == 4)
        for name in Self.tables {
            let lines = try #require(Self.files[name]).split(separator: "\n").map(String.init)
            let head = lines.prefix { $0.hasPrefix("# ") }
            #expect(head.contains("# oobleck 1.2.3"), "\(name)")
            #expect(head.contains { $0.hasPrefix("# seed 42, 2 trials") }, "\(name)")
            let digests = head.filter { $0.contains("constants ") || $0.contains("trace ") }
            #expect(digests.count == 7, "\(name)")
            // Rows as wide as their head; a comma in a value would be quoted.
            let rows = lines.dropFirst(head.count)
            let widths = Set(
                rows.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
                    .map(\.count)
            )
            #expect(rows.count > 3 && widths.count == 1, "\(name)")
        }
    }

    @Test("the page needs no other file, and names every figure and difference once")
    func page() throws {
        let page = try #require(Self.files["index.html"])
        for forbidden in ["<script", "<link", "<img", "@import", "url("] {
            #expect(!page.contains(forbidden))
        }
        for name in Self.tables {
            let id = "<section id=\"\(name.dropLast(4))\">"
            #expect(page.components(separatedBy: id).count == 2, "\(name)")
        }
        #expect(page.components(separatedBy: "<svg").count - 1 == Self.tables.count)
        for cause in ["Double counting", "Ratios of two steps", "Batch sizes", "origin"] {
            #expect(page.contains(cause))
        }
    }

    @Test("every picture is well-formed XML")
    func pictures() throws {
        for (name, text) in Self.files where name.hasSuffix(".svg") {
            #expect(XMLParser(data: Data(text.utf8)).parse(), "\(name)")
        }
    }

    @Test("the seconds of a run that are counted once are no more than the run lasts")
    func countedOnce() throws {
        let table = try #require(Self.files["time-breakdown.csv"])
        let rows = table.split(separator: "\n").filter { $0.contains("counted-once") }
        #expect(rows.count == 10)
        for row in rows {
            let values = row.split(separator: ",").dropFirst(4).compactMap { Double($0) }
            #expect(values.dropFirst().reduce(0, +) <= values[0] * (1 + 1e-9), "\(row)")
        }
    }

    @Test("zero trials are refused before anything is made")
    func noTrials() {
        let evaluation = Evaluation(traces: nil, trials: 0, version: "")
        let error = #expect(throws: OobleckError.self) {
            try evaluation.files(clock: { 0 }, progress: { _ in })
        }
        #expect(error?.message.contains("trials are 0") == true)
        #expect(error?.code == .usage)
    }
}
