/// An average that moves towards each of some values, one after the other: `x = (1 - m) x + m v`.
///
/// After all of them it is a sum, whose order means nothing: the old value and each new one count with
/// weights of their own.
package struct MovingAverage {
    /// How much each value counts as it comes.
    package let momentum: Double
    /// How many values come.
    package let count: Int

    package init(momentum: Double, count: Int) {
        self.momentum = momentum
        self.count = count
    }

    /// What remains of the old value after all.
    package var kept: Double { power(count) }

    /// How much the value at `index`, from zero, counts after all.
    package func weight(of index: Int) -> Double { momentum * power(count - 1 - index) }

    /// By multiplication alone, whose bits are the same on every machine.
    private func power(_ exponent: Int) -> Double {
        (0..<max(exponent, 0)).reduce(1) { product, _ in product * (1 - momentum) }
    }
}
