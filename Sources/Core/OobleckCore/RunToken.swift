/// The secret of one run: a peer that knows it may call the run's coordinator.
///
/// Never printed, and compared in a time that does not depend on its content.
package struct RunToken: Sendable, ExpressibleByStringLiteral {
    /// Random bits of a new token.
    private static let bits = 256

    /// What goes over the control stream and into the token's file; nowhere else.
    package let secret: String

    /// A token from its text.
    ///
    /// Throws `.inputData` when it is none; the message does not repeat it.
    package init(parsing text: String) throws {
        guard text.utf8.count == Self.bits / 4, text.utf8.allSatisfy(Self.isDigit) else {
            throw OobleckError(
                .inputData,
                "a run's token has \(Self.bits / 4) hexadecimal digits; this has "
                    + "\(text.utf8.count) characters"
            )
        }
        secret = text
    }

    /// A token for tests and runs inside one process; any text will do.
    package init(stringLiteral text: String) { secret = text }

    /// A new token.
    ///
    /// The generator must be one that cannot be predicted.
    package init(using generator: inout some RandomNumberGenerator) {
        secret = (0..<Self.bits / 64).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// A new token of the system's generator, which cannot be predicted.
    package static func random() -> RunToken {
        var generator = SystemRandomNumberGenerator()
        return RunToken(using: &generator)
    }

    /// Whether a claim is this token.
    ///
    /// Looks at every byte of the claim, however early it differs: the time depends on its length
    /// alone.
    package func admits(_ claim: String) -> Bool {
        let secret = Array(secret.utf8)
        let claim = Array(claim.utf8)
        guard !secret.isEmpty else { return false }
        var difference = UInt8(secret.count == claim.count ? 0 : 1)
        for (index, byte) in claim.enumerated() {
            difference |= byte ^ secret[index % secret.count]
        }
        return difference == 0
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}

extension RunToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "(token)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
