import OobleckArtifact

/// What an evaluation came to, as JSON (`--format json`).
struct EvaluationDocument: Encodable {
    private struct Part: Encodable {
        let number: Int
        let title: String
        let isPassed: Bool
        let seconds: Double
        let checks: [Check]

        private enum CodingKeys: String, CodingKey {
            case number
            case title
            case isPassed = "passed"
            case seconds
            case checks
        }
    }

    private struct Check: Encodable {
        let claim: String
        let found: String
        let isMet: Bool

        private enum CodingKeys: String, CodingKey {
            case claim
            case found
            case isMet = "met"
        }
    }

    private let page: String
    private let parts: [Part]

    /// Parts that were done, and the page about them.
    init(_ parts: [ArtifactPart], _ page: String) {
        self.page = page
        self.parts = parts.map { part in
            Part(
                number: part.number,
                title: part.title,
                isPassed: part.isPassed,
                seconds: part.seconds,
                checks: part.checks.map {
                    Check(claim: $0.claim, found: $0.found, isMet: $0.isMet)
                }
            )
        }
    }
}
