import OobleckCore
import OobleckData
import OobleckTensor

extension GraphProgram {
    /// Looks all operators of a layer's graph up, and checks their arguments against them.
    ///
    /// Of the inputs, those in `constants` are the same in every run. Throws `.inputData` with the
    /// file and the node that does not fit.
    package convenience init(
        _ graph: LayerGraph,
        constants: Range<Int>,
        path: String
    ) throws {
        try self.init(inputCount: graph.inputCount, constants: constants)
        for (index, node) in graph.nodes.enumerated() {
            do {
                try add(node)
            } catch let error as TensorError where error.code == .failed {
                throw OobleckError(
                    .inputData,
                    "\(path): node \(index) (\(node.name)): \(error.message)"
                )
            }
        }
        do {
            try finish(outputs: graph.outputs)
        } catch let error as TensorError where error.code == .failed {
            throw OobleckError(.inputData, "\(path): \(error.message)")
        }
    }

    private func add(_ node: LayerGraph.Node) throws {
        if node.name == LayerGraph.getItem, case .slot(let slot) = node.arguments[0],
            case .integer(let index) = node.arguments[1]
        {
            return try addResult(ofSlot: slot, index: index)
        }
        try addOperator(
            node.name,
            overload: node.overload,
            passesGradient: node.passesGradient,
            takesAutocast: node.takesAutocast
        )
        for argument in node.arguments { try add(argument, nil) }
        for (keyword, argument) in node.keywords { try add(argument, keyword) }
    }

    private func add(_ argument: LayerGraph.Argument, _ keyword: Keyword) throws {
        switch argument {
        case .none: try addNone(keyword)
        case .boolean(let value): try add(value, keyword)
        case .integer(let value): try add(value, keyword)
        case .number(let value): try add(value, keyword)
        case .text(let value): try add(value, keyword)
        case .property(let kind, let name): try add(property: kind, name, keyword)
        case .slot(let slot): try add(slot: slot, keyword)
        case .integers(let values): try add(values, keyword)
        case .numbers(let values): try add(values, keyword)
        case .booleans(let values): try add(values, keyword)
        case .slots(let slots): try add(slots: slots, keyword)
        }
    }
}
