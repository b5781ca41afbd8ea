/// Words for layers without a copy, as `layers 2-4, 7 (block.1 to block.6) have no copy left on any
/// living node`.
///
/// `lost` is ascending and not empty; `names` are those of all layers, or none.
func lostLayersPhrase(_ lost: [Int], names: [String]) -> String {
    guard let first = lost.first, let last = lost.last else { return "no layer is lost" }
    var between = ""
    if names.indices.contains(last) {
        between = first == last ? " (\(names[first]))" : " (\(names[first]) to \(names[last]))"
    }
    return "\(lost.count == 1 ? "layer" : "layers") \(rangesPhrase(lost))\(between) "
        + "\(lost.count == 1 ? "has" : "have") no copy left on any living node"
}

/// Ascending numbers as `0, 2-4`.
func rangesPhrase(_ numbers: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
        if let last = ranges.last, last.upperBound + 1 == number {
            ranges[ranges.count - 1] = last.lowerBound...number
        } else {
            ranges.append(number...number)
        }
    }
    return ranges.map { range in
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
    .joined(separator: ", ")
}
