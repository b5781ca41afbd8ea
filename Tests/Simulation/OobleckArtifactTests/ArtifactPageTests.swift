import Testing

@testable import OobleckArtifact

@Suite(.timeLimit(.minutes(10))) struct ArtifactPageTests {
    private static let good = ArtifactCheck("all is <well>", isMet: true, found: "12 & more")
    private static let bad = ArtifactCheck("none is lost", isMet: false, found: "3 are")

    private func part(_ checks: [ArtifactCheck]) -> ArtifactPart {
        ArtifactPart(
            number: 1,
            title: "A part",
            section: "section 4.1",
            blocks: [
                .heading("first"), .paragraph("Call `oobleck plan`."), .listing(["[a] <b>"]),
                .table(
                    ArtifactTable(columns: ["what", "n"], rows: [["x", "10"]], textColumns: [0])
                ),
                .picture(svg: "<?xml version=\"1.0\"?>\n<svg><g/></svg>", caption: "a picture"),
                .checks(checks),
            ]
        )
    }

    @Test("a part passes if it has checks and all hold; what falls short is said")
    func verdict() {
        #expect(part([Self.good]).isPassed)
        #expect(part([Self.good]).ending == "part 1: PASS: 1 check")
        #expect(!part([]).isPassed)
        #expect(part([]).verdict.contains("nothing was checked"))
        let short = part([Self.good, Self.bad])
        #expect(!short.isPassed)
        #expect(short.verdict == "FELL SHORT in 1 of 2 checks: none is lost (3 are)")
    }

    @Test("many complaints are cut after three, none at all need cases")
    func complaints() {
        let many = ArtifactCheck("c", complaints: ["1", "2", "3", "4"], cases: 9, of: "plans")
        #expect(many.found == "1; 2; 3; and 1 more" && !many.isMet)
        #expect(ArtifactCheck("c", complaints: [], cases: 9, of: "plans").found == "9 plans")
        #expect(!ArtifactCheck("c", complaints: [], cases: 0, of: "plans").isMet)
    }

    @Test("the console has everything but pictures")
    func text() {
        let lines = part([Self.good, Self.bad]).lines { $0 }
        #expect(
            lines == [
                "", "-- first", "Call `oobleck plan`.", "    [a] <b>", "    what   n",
                "    x     10", "ok all is <well>: 12 & more", "NOT none is lost: 3 are",
            ]
        )
    }

    @Test("the page has everything, escaped, and needs no other file")
    func page() {
        let page = ArtifactPage(parts: [part([Self.good])], provenance: [("by", "a & b")]).html
        for text in [
            "all is &lt;well&gt;", "12 &amp; more", "<code>oobleck plan</code>", "[a] &lt;b&gt;",
            "<svg><g/></svg>", "a picture", "a &amp; b", "All 1 part pass: 1 check",
            "<td class=\"number\">10</td>",
        ] { #expect(page.contains(text), "\(text)") }
        for forbidden in ["<?xml", "<script", "<link", "<img", "@import", "url(", "http"] {
            #expect(!page.contains(forbidden), "\(forbidden)")
        }
    }

    @Test("a page with a shortfall says so at its top, and one without parts does not pass")
    func shortfall() {
        let page = ArtifactPage(parts: [part([Self.bad])], provenance: []).html
        #expect(page.contains("Part 1 fell short") && page.contains("class=\"verdict bad\""))
        #expect(ArtifactPage(parts: [], provenance: []).html.contains("Nothing was evaluated"))
    }

    @Test("numbers read well")
    func numbers() {
        #expect(Numbers.grouped(1_234_567) == "1,234,567" && Numbers.grouped(512) == "512")
        #expect(Numbers.percent(0.0062) == "0.62 %" && Numbers.percent(0.05) == "5.0 %")
        #expect(Numbers.percent(1e-7) == "0.0 %")
        #expect(Numbers.range([3, 4, 5]) == "3 to 5" && Numbers.range([3, 5]) == "3, 5")
        #expect(Numbers.list([0, 1, 2, 5]) == "0-2, 5")
    }
}
