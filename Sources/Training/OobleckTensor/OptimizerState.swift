import CTorch

/// What the optimizer changes together: flat float32 buffers of one size.
package struct OptimizerState {
    package let parameters: Tensor
    package let firstMoment: Tensor
    package let secondMoment: Tensor
    /// False of parameters that no update changes: their moments are zero for ever, and take no memory.
    package let hasMoments: Bool

    package init(parameters: Tensor, firstMoment: Tensor, secondMoment: Tensor) {
        self.parameters = parameters
        self.firstMoment = firstMoment
        self.secondMoment = secondMoment
        hasMoments = true
    }

    /// The state of parameters that no update changes.
    package init(still parameters: Tensor) {
        self.parameters = parameters
        // A digest takes three buffers.
        (firstMoment, secondMoment) = (parameters, parameters)
        hasMoments = false
    }

    /// The buffers in the order in which a layer transfer sends them.
    package var buffers: [Tensor] {
        hasMoments ? [parameters, firstMoment, secondMoment] : [parameters]
    }

    private static let digestSeed: UInt64 = 0x5EED

    /// A fast digest of all buffers, to find copies that differ by accident.
    package func digest() throws -> UInt64 {
        var digest: UInt64 = 0
        try withHandles { state in
            try withUnsafePointer(to: state) {
                try unsafe check(ct_state_digest($0, Self.digestSeed, &digest))
            }
        }
        return digest
    }

    /// Applies one update, and makes the sums zero.
    ///
    /// The gradient is `sums * factor * clip`; elements from `decayEnd` have no weight decay. Returns
    /// ``digest()`` right before and right after the update, which costs less than to ask for them: all
    /// is done block by block, while a block is in the cache.
    package func apply(
        _ update: UpdateRule,
        sums: FixedPointAccumulator,
        factor: Double,
        clip: Double,
        decayEnd: Int
    ) throws -> (before: UInt64, after: UInt64) {
        precondition(hasMoments, "an update of parameters that none changes")
        var (before, after): (UInt64, UInt64) = (0, 0)
        var rule = update.constants
        try withHandles { state in
            try sums.sums.withHandle { sums in
                try withUnsafePointer(to: state) { state in
                    try unsafe check(
                        ct_state_update(
                            state,
                            sums,
                            factor,
                            clip,
                            &rule,
                            Int64(decayEnd),
                            Self.digestSeed,
                            &before,
                            &after
                        )
                    )
                }
            }
        }
        return (before, after)
    }

    private func withHandles(_ body: (CTState) throws -> Void) throws {
        try parameters.withHandle { parameters in
            try firstMoment.withHandle { first in
                try secondMoment.withHandle { second in
                    try body(
                        CTState(
                            parameters: parameters,
                            first_moment: first,
                            second_moment: second
                        )
                    )
                }
            }
        }
    }
}
