import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("Operations of an imported model", .timeLimit(.minutes(1)))
struct ImportedOperationsTests {
    private static func model(_ counts: [Int?]) throws -> ModelSpecification {
        var manifest = try ImportFixture().decoded()
        for (index, count) in counts.enumerated() { manifest.layers[index].operations = count }
        return .imported(ImportedModel(path: "", sha256: "", manifest: manifest))
    }

    @Test("they are three times those of the forward passes, for each sample of the microbatch")
    func sum() throws {
        #expect(try Self.model([0, 16, 4096]).operationsPerSample == 3 * (16 + 4096) / 2)
    }

    @Test("they are not known where a layer has no count, as in folders of before")
    func unknown() throws {
        #expect(try Self.model([nil, nil, nil]).operationsPerSample == nil)
        #expect(try Self.model([0, nil, 4096]).operationsPerSample == nil)
    }

    @Test("a count that cannot be is refused")
    func refused() throws {
        var manifest = try ImportFixture().decoded()
        manifest.layers[1].operations = -1
        #expect(manifest.problem == "layer 1 (block) has -1 operations")
    }
}
