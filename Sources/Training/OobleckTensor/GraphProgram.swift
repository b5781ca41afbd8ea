import CTorch

/// A list of operators that runs on tensors, as one layer of an imported model.
///
/// Confined to one thread. Built argument by argument, then finished; the first run keeps what
/// follows from constants alone.
package final class GraphProgram {
    /// Name of an argument, where it is not given by position.
    package typealias Keyword = String?

    private let handle: OpaquePointer
    private let inputCount: Int
    private var outputCount = 0

    /// A graph without operators; of its inputs, those in `constants` are the same in every run.
    package init(inputCount: Int, constants: Range<Int>) throws {
        self.inputCount = inputCount
        let (begin, end) = (Int32(constants.lowerBound), Int32(constants.upperBound))
        handle = try produce { ct_graph_new(Int32(inputCount), begin, end, &$0) }
    }

    deinit { ct_graph_free(handle) }

    /// Adds an operator, whose arguments follow.
    package func addOperator(
        _ name: String,
        overload: String,
        passesGradient: Bool,
        takesAutocast: Bool = true
    ) throws {
        try check(ct_graph_operator(handle, name, overload, passesGradient, takesAutocast))
    }

    /// Adds a node that takes a result of the node in a slot.
    package func addResult(ofSlot slot: Int, index: Int) throws {
        try check(ct_graph_result(handle, Int32(slot), Int32(clamping: index)))
    }

    package func add(slot: Int, _ keyword: Keyword) throws {
        try check(ct_graph_slot(handle, keyword, Int32(slot)))
    }

    package func addNone(_ keyword: Keyword) throws { try check(ct_graph_none(handle, keyword)) }

    package func add(_ value: Bool, _ keyword: Keyword) throws {
        try check(ct_graph_boolean(handle, keyword, value))
    }

    package func add(_ value: Int, _ keyword: Keyword) throws {
        try check(ct_graph_integer(handle, keyword, Int64(value)))
    }

    package func add(_ value: Double, _ keyword: Keyword) throws {
        try check(ct_graph_number(handle, keyword, value))
    }

    package func add(_ value: String, _ keyword: Keyword) throws {
        try check(ct_graph_text(handle, keyword, value))
    }

    package func add(property kind: String, _ name: String, _ keyword: Keyword) throws {
        try check(ct_graph_property(handle, keyword, kind, name))
    }

    package func add(_ values: [Int], _ keyword: Keyword) throws {
        let values = values.map(Int64.init)
        try check(ct_graph_integers(handle, keyword, values, Int32(values.count)))
    }

    package func add(_ values: [Double], _ keyword: Keyword) throws {
        try check(ct_graph_numbers(handle, keyword, values, Int32(values.count)))
    }

    package func add(_ values: [Bool], _ keyword: Keyword) throws {
        try check(ct_graph_booleans(handle, keyword, values, Int32(values.count)))
    }

    package func add(slots: [Int?], _ keyword: Keyword) throws {
        let slots = slots.map { Int32($0 ?? -1) }
        try check(ct_graph_slots(handle, keyword, slots, Int32(slots.count)))
    }

    /// Ends the graph, whose results are the values in `slots`.
    package func finish(outputs slots: [Int]) throws {
        outputCount = slots.count
        try check(ct_graph_finish(handle, slots.map(Int32.init), Int32(slots.count)))
    }

    /// The results of one run, each with its elements in row-major order.
    package func run(_ inputs: [Tensor]) throws -> [Tensor] {
        precondition(inputs.count == inputCount, "\(inputs.count) inputs of \(inputCount)")
        var results = [OpaquePointer?](repeating: nil, count: outputCount)
        try withExtendedLifetime(inputs) {
            let handles = inputs.map(\.bareHandle)
            try check(ct_graph_run(handle, handles, Int32(handles.count), &results))
        }
        return results.map { handle in
            guard let handle else { preconditionFailure("the shim returned no result") }
            return Tensor(owning: handle)
        }
    }
}
