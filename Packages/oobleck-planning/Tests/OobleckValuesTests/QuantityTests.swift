import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct QuantityTests {
    @Test(
        "sizes print in the largest binary unit that keeps them at least one",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
            (14 << 30, "14.0 GiB"), (5 << 40, "5.0 TiB"),
        ]
    )
    func sizes(bytes: Int, expected: String) {
        #expect(ByteCount(bytes).description == expected)
    }

    @Test("seconds add, subtract and scale")
    func seconds() {
        #expect(Seconds(1.5) + 2 - 0.5 == 3)
        #expect(2.0 * Seconds(1.5) == 3)
        #expect(Seconds(3) / 2 == 1.5)
    }

    @Test("each kind of error leads to its exit status")
    func exitStatus() {
        let statuses = [
            OobleckError.Code.usage, .inputData, .noPlan, .internalFault, .storage, .outOfNodes,
        ]
        #expect(statuses.map(\.exitStatus) == [64, 65, 69, 70, 74, 75])
    }
}
