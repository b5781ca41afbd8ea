import OobleckCore
import OobleckTensor
import Testing

@Suite("libtorch itself", .timeLimit(.minutes(5)))
struct RuntimeTests {
    @Test("the libtorch of this build is the one required")
    func here() throws { try TensorRuntime.initialize() }

    @Test("memory that there is not is a failure of its own kind")
    func memory() throws {
        try TensorRuntime.initialize()
        let error = try #require(throws: TensorError.self) { try Tensor.empty([1 << 50]) }
        #expect(error.code == .outOfMemory, "\(error.message)")
    }

    @Test(
        "a libtorch of another version, built against or loaded, is refused by both versions",
        arguments: [
            ("1.13.1", TensorRuntime.requiredVersion), (TensorRuntime.requiredVersion, "1.13.1"),
        ]
    )
    func otherVersion(built: String, loaded: String) throws {
        let error = try #require(throws: OobleckError.self) {
            try TensorRuntime.requireVersion(built: built, loaded: loaded)
        }
        #expect(error.code == .inputData)
        #expect(error.message.contains("libtorch \(loaded) is loaded and \(built) was built"))
        #expect(error.message.contains("needs \(TensorRuntime.requiredVersion): run `make setup`"))
    }
}
