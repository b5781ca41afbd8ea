/// The greatest of any run of numbers, in constant time after O(n log n) (a sparse table).
struct RangeMaxima: Sendable {
    /// At k, the greatest of the 2^k numbers from each index on.
    private let levels: [[Int]]

    init(_ numbers: [Int]) {
        var levels = [numbers]
        var width = 1
        while 2 * width <= numbers.count, let last = levels.last {
            levels.append(
                (0...(numbers.count - 2 * width)).map { max(last[$0], last[$0 + width]) }
            )
            width *= 2
        }
        self.levels = levels
    }

    /// The greatest in a range; 0 in an empty one.
    func maximum(_ range: Range<Int>) -> Int {
        guard !range.isEmpty else { return 0 }
        let level = Int.bitWidth - 1 - range.count.leadingZeroBitCount
        let numbers = levels[level]
        return max(numbers[range.lowerBound], numbers[range.upperBound - (1 << level)])
    }
}
