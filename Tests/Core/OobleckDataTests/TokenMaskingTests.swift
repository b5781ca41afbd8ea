import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("Tokens that are hidden", .timeLimit(.minutes(5))) struct TokenMaskingTests {
    private static let vocabulary = 1000
    private static let maskToken = 3

    private func masking(fraction: Double = 0.15, seed: UInt64 = 7) -> TokenMasking {
        TokenMasking(
            MaskingSpecification(
                fraction: fraction,
                token: Self.maskToken,
                vocabulary: Self.vocabulary
            ),
            seed: seed
        )
    }

    /// Samples of 128 tokens, none of which is the mask's.
    private static let sample = (0..<128).map { Int64(10 + $0) }

    /// Whether a count of `trials` draws lies within three standard deviations of what is expected.
    private func isLikely(_ count: Int, of trials: Int, share: Double) -> Bool {
        let deviation = (Double(trials) * share * (1 - share)).squareRoot()
        return abs(Double(count) - Double(trials) * share) < 3 * deviation
    }

    @Test("the same seed and position hide the same tokens, on every call and in every worker")
    func repeatable() {
        let first = masking()
        for position in [0, 1, 77, 1 << 40] {
            let one = first.apply(to: Self.sample, position: position)
            for other in [first, masking()] {
                let again = other.apply(to: Self.sample, position: position)
                #expect(one.inputs == again.inputs && one.targets == again.targets)
            }
        }
    }

    @Test("which tokens are hidden depends on place, position and seed, not on the tokens")
    func dependence() {
        func hidden(_ tokens: [Int64], _ position: Int, seed: UInt64 = 7) -> [Bool] {
            masking(seed: seed).apply(to: tokens, position: position).targets
                .map { $0 != TokenMasking.ignored }
        }
        let other = Self.sample.map { $0 + 500 }
        #expect(hidden(Self.sample, 5) == hidden(other, 5))
        #expect(hidden(Self.sample, 5) != hidden(Self.sample, 6))
        #expect(hidden(Self.sample, 5) != hidden(Self.sample, 5, seed: 8))
        // A beginning is hidden as in the whole.
        #expect(
            hidden(Array(Self.sample.prefix(40)), 5) == Array(hidden(Self.sample, 5).prefix(40))
        )
    }

    @Test("every epoch hides other tokens of a sample")
    func epochs() {
        // The same sample stands at other positions of the endless order.
        let masks = (0..<10).map {
            masking().apply(to: Self.sample, position: 3 + 100 * $0).targets
        }
        #expect(Set(masks).count == 10)
    }

    @Test("15 % are to be guessed; of those 80 % are masked, 10 % random, 10 % as they were")
    func fractions() {
        var (guessed, masked, kept, replaced, all) = (0, 0, 0, 0, 0)
        var replacements: [Int64] = []
        for position in 0..<4000 {
            let (inputs, targets) = masking().apply(to: Self.sample, position: position)
            #expect(inputs.count == 128 && targets.count == 128)
            for (index, token) in Self.sample.enumerated() {
                all += 1
                guard targets[index] != TokenMasking.ignored else {
                    #expect(inputs[index] == token, "a token that is not to be guessed stays")
                    continue
                }
                #expect(targets[index] == token, "what is to be guessed is the token itself")
                guessed += 1
                switch inputs[index] {
                case Int64(Self.maskToken): masked += 1
                case token: kept += 1
                default:
                    replaced += 1
                    replacements.append(inputs[index])
                }
            }
        }
        #expect(isLikely(guessed, of: all, share: 0.15), "\(guessed) of \(all)")
        // One in a thousand of those that are drawn is the mask's token, and one the token itself.
        let drawn = 0.1 * (1 - 2 / Double(Self.vocabulary))
        #expect(
            isLikely(masked, of: guessed, share: 0.8 + 0.1 / Double(Self.vocabulary)),
            "\(masked)"
        )
        #expect(isLikely(kept, of: guessed, share: 0.1 + 0.1 / Double(Self.vocabulary)), "\(kept)")
        #expect(isLikely(replaced, of: guessed, share: drawn), "\(replaced) of \(guessed)")
        #expect(replacements.allSatisfy { (0..<Int64(Self.vocabulary)).contains($0) })
        let low = replacements.count { $0 < Int64(Self.vocabulary / 2) }
        #expect(
            isLikely(low, of: replacements.count, share: 0.5),
            "\(low) of \(replacements.count)"
        )
    }

    @Test("a fraction of one hides all, a very small one nothing")
    func extremes() {
        let all = masking(fraction: 1).apply(to: Self.sample, position: 0)
        #expect(all.targets == Self.sample)
        let none = masking(fraction: 1e-18).apply(to: Self.sample, position: 0)
        #expect(none.targets.allSatisfy { $0 == TokenMasking.ignored })
        #expect(none.inputs == Self.sample)
        #expect(masking().apply(to: [], position: 0).inputs.isEmpty)
    }

    @Test("a microbatch is hidden as its samples are one by one, whatever its size")
    func microbatches() throws {
        let folder = try TemporaryFolder()
        let text = try folder.write(
            "text.txt",
            String(repeating: "So shaken as we are. ", count: 20)
        )
        let fixture = ImportFixture().roles("masked_tokens", "mask_targets")
            .changing("\"vocabulary\": 8", to: "\"vocabulary\": 257")
        let model = try ImportedFolder.open(path: try fixture.write(folder))
        var job = TrainingFixture.job(model)
        job.corpusPath = text
        job.masking = MaskingSpecification(fraction: 0.5, token: 256, vocabulary: 257)
        let data = try TrainingData.load(job)
        let samples = (0..<8).map { BatchSample(position: 90 + $0, index: (5 * $0) % 8) }
        func values(_ size: Int) throws -> [String: [Int64]] {
            var values: [String: [Int64]] = [:]
            for first in stride(from: 0, to: samples.count, by: size) {
                let rows = Array(samples[first..<first + size])
                for (name, piece) in try data.values(of: model.manifest.batch, samples: rows) {
                    guard case .int64(let ids) = piece else { continue }
                    values[name, default: []] += ids
                }
            }
            return values
        }
        let whole = try values(8)
        #expect(whole["input_ids"]?.count == 32 && whole["labels"]?.count == 32)
        #expect(whole["labels"]?.contains(TokenMasking.ignored) == true)
        #expect(whole["labels"]?.contains { $0 >= 0 } == true)
        for size in [1, 2, 4] { #expect(try values(size) == whole) }
        // A tensor alone is as it is beside the other.
        let labels = model.manifest.batch.filter { $0.name == "labels" }
        guard case .int64(let alone)? = try data.values(of: labels, samples: samples)["labels"]
        else {
            Issue.record("no labels")
            return
        }
        #expect(alone == whole["labels"])
    }
}
