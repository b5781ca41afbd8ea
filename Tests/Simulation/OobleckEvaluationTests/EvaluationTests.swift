import Foundation
import OobleckCore
import OobleckFigures
import Testing

@testable import OobleckEvaluation

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite(.timeLimit(.minutes(10))) struct EvaluationTests {
    /// All files of the paper's figures with one spot trace, made once.
    private static let files: [String: String] = {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("traces-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer {
                do {
                    try FileManager.default.removeItem(at: folder)
                } catch {
                    Issue.record("\(error)")
                }
            }
            let rows =
                (0..<30).map { "0,add,n\($0)" }
                + (1...6).map { "\($0 * 3_600_000),remove,n\($0)" }
            try Data(rows.joined(separator: "\n").utf8)
                .write(to: folder.appendingPathComponent("scale_p3-trace.csv"))
            let evaluation = Evaluation(
                traces: folder.path,
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
        #expect(Self.tables.count == 5)
        for name in Self.tables {
            let lines = try #require(Self.files[name]).split(separator: "\n").map(String.init)
            let head = lines.prefix { $0.hasPrefix("# ") }
            #expect(head.contains("# oobleck 1.2.3"), "\(name)")
            #expect(head.contains { $0.hasPrefix("# seed 42, 2 trials") }, "\(name)")
            let digests = head.filter { $0.contains("constants ") || $0.contains("trace ") }
            #expect(digests.count == 8, "\(name)")
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
        // Each picture once for a wide screen, and once for a telephone.
        #expect(page.components(separatedBy: "<svg").count - 1 == 2 * Self.tables.count)
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

    @Test("each part of a bar says of how many seconds it is a share")
    func termsOfShares() throws {
        let picture = try #require(Self.files["time-breakdown.svg"])
        let titles = picture.components(separatedBy: "<title>").dropFirst()
            .compactMap { $0.components(separatedBy: "</title>").first }
            .filter { $0.contains("parts / wall clock") && !$0.contains("published") }
        // Two charts of ten bars of six parts.
        #expect(titles.count == 120)
        for title in titles { #expect(title.contains(/\(\d+ s of (9018|324000) s\)/), "\(title)") }
    }

    @Test("the mean of a last, shorter stretch of time is over its own length")
    func lastStretch() {
        // 6 a second for 2,700 s: a whole half hour, and a half of one.
        let points = PaperFigures.meanRates([(900, 6), (2700, 6)], duration: 2700, seconds: 1800)
        #expect(points.map(\.y) == [6, 6])
        #expect(points.map(\.x) == [0.25, 0.625])
    }

    @Test("spot traces: the means stand beside the printed ones, where those are known")
    func spot() throws {
        let table = try #require(Self.files["throughput-over-time.csv"])
        let lines = table.split(separator: "\n").filter { !$0.hasPrefix("# ") }
            .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        let columns = try #require(lines.first)
        // Bamboo can hold the first of three models only; each in two modes.
        #expect(lines.count == 1 + 14)
        for line in lines.dropFirst() {
            let row = Dictionary(uniqueKeysWithValues: zip(columns, line))
            #expect(row["samples_per_second"].flatMap { Double($0) } ?? -1 >= 0, "\(row)")
            #expect(row["wall_clock_seconds"] == "21600")
            let isKnown =
                row["model"] == "BERT-large"
                || (row["model"] == "GPT-3-2.7b" && row["policy"] != "bamboo")
            #expect(row["published_arxiv_v2"]?.isEmpty != isKnown, "\(row)")
        }
        let picture = Self.files["throughput-over-time.svg"]
        let mark = "published mean of the run (arXiv v2): 221.4 samples/s"
        #expect(picture?.contains(mark) == true)
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
