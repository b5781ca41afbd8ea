import OobleckCore

/// A reader of ours under damaged input.
package struct FuzzTarget: Sendable {
    /// Its name, for people.
    package let name: String
    /// Inputs that it takes.
    package let samples: [[UInt8]]
    /// Whether a person gave the input: then no complaint may be called a fault of ours.
    let isFile: Bool
    /// Reads an input, or throws an ``OobleckError``.
    let read: @Sendable ([UInt8]) throws -> Void

    package init(
        _ name: String,
        samples: [[UInt8]],
        isFile: Bool = true,
        read: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.samples = samples
        self.isFile = isFile
        self.read = read
    }

    /// What a reader does with one input.
    package enum Outcome: Hashable, Sendable {
        /// It takes it.
        case accepted
        /// It says in one line what is wrong.
        case refused
        /// It does neither; why.
        case complaint(String)
    }

    /// The longest line that a person is shown.
    private static let longestLine = 20_000

    /// Reads an input, and says what came of it.
    package func outcome(of input: [UInt8]) -> Outcome {
        do {
            try read(input)
            return .accepted
        } catch let error as OobleckError {
            let message = error.message
            if message.isEmpty { return .complaint("the error says nothing") }
            if message.unicodeScalars.contains("\n") {
                return .complaint("the error has several lines: \(message.prefix(200))")
            }
            if message.utf8.count > Self.longestLine {
                return .complaint("the error has \(message.utf8.count) bytes")
            }
            if isFile, error.code == .internalFault {
                return .complaint("called a fault of ours: \(message.prefix(200))")
            }
            return .refused
        } catch {
            return .complaint("not an error for people: \(type(of: error)) \(error)")
        }
    }

    /// The input of a case.
    package func input(seed: UInt64, index: Int) -> [UInt8] {
        var mutation = Mutation(samples, random: FuzzRandom(seed: seed, index: index))
        return mutation.input()
    }
}
