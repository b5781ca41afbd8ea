import OobleckTensor
import Testing

@Suite("A graph of operators", .timeLimit(.minutes(5)))
struct GraphProgramTests {
    private func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
        try Tensor.copying(values, shape: shape)
    }

    private func failure(_ build: (GraphProgram) throws -> Void) throws -> String {
        try TensorRuntime.initialize()
        let program = try GraphProgram(inputCount: 3, constants: 1..<2)
        let error = #expect(throws: TensorError.self) { try build(program) }
        return error?.message ?? ""
    }

    @Test("computes, passes gradients, and keeps what follows from constants")
    func computing() throws {
        try TensorRuntime.initialize()
        // weight * 2 with the constant added twice: relu(x * w + (c + c)).
        let program = try GraphProgram(inputCount: 3, constants: 1..<2)
        try program.addOperator("aten::add", overload: "Tensor", passesGradient: true)
        try program.add(slot: 1, nil)
        try program.add(slot: 1, nil)
        try program.addOperator("aten::mul", overload: "Tensor", passesGradient: true)
        try program.add(slot: 2, nil)
        try program.add(slot: 0, nil)
        try program.addOperator("aten::add", overload: "Tensor", passesGradient: true)
        try program.add(slot: 4, nil)
        try program.add(slot: 3, nil)
        try program.add(1.0, "alpha")
        try program.addOperator("aten::relu", overload: "", passesGradient: true)
        try program.add(slot: 5, nil)
        try program.finish(outputs: [6, 3])
        let weight = try tensor([2, -1], [2]).leaf(requiresGradient: true)
        let constant = try tensor([0.5, 0.25], [2])
        for input: [Float] in [[1, 2], [3, -4]] {
            let results = try program.run([weight, constant, tensor(input, [2])])
            let wanted = [max(0, 2 * input[0] + 1), max(0, -input[1] + 0.5)]
            #expect(try results[0].floats() == wanted)
            #expect(try results[1].floats() == [1, 0.5])
            let seed = try tensor([1, 1], [2])
            let gradient = try results[0].gradients(of: [weight], seed: seed)[0].floats()
            #expect(gradient == [wanted[0] > 0 ? input[0] : 0, wanted[1] > 0 ? input[1] : 0])
        }
    }

    @Test("takes one of several results, and lists of values")
    func lists() throws {
        try TensorRuntime.initialize()
        let program = try GraphProgram(inputCount: 1, constants: 0..<0)
        try program.addOperator("aten::split", overload: "Tensor", passesGradient: true)
        try program.add(slot: 0, nil)
        try program.add(2, nil)
        try program.addResult(ofSlot: 1, index: 1)
        try program.addResult(ofSlot: 1, index: 0)
        try program.addOperator("aten::cat", overload: "", passesGradient: true)
        try program.add(slots: [2, 3], nil)
        try program.finish(outputs: [4])
        #expect(try program.run([tensor([1, 2, 3, 4], [4])])[0].floats() == [3, 4, 1, 2])
    }

    @Test("never writes over what goes into it, whatever way it is named")
    func writing() throws {
        for input in 0..<3 {
            let direct = try failure { program in
                try program.addOperator("aten::relu_", overload: "", passesGradient: true)
                try program.add(slot: input, "self")
                try program.finish(outputs: [3])
            }
            #expect(direct.contains("aten::relu_ writes over input \(input)"))
            let throughViews = try failure { program in
                try program.addOperator("aten::detach", overload: "", passesGradient: true)
                try program.add(slot: input, nil)
                try program.addOperator("aten::view", overload: "", passesGradient: true)
                try program.add(slot: 3, nil)
                try program.add([-1], nil)
                try program.addOperator("aten::fill_", overload: "Scalar", passesGradient: true)
                try program.add(slot: 4, nil)
                try program.add(0, nil)
                try program.finish(outputs: [5])
            }
            #expect(throughViews.contains("writes over input \(input)"))
        }
        let out = try failure { program in
            try program.addOperator("aten::div", overload: "out_mode", passesGradient: true)
        }
        #expect(out.contains("writes its result into out"))
    }

    /// A norm of its input by its batch, with running statistics in the slots 1 and 2.
    private func norm(_ name: String) throws -> GraphProgram {
        let program = try GraphProgram(inputCount: 3, constants: 0..<0)
        try program.addOperator(name, overload: "", passesGradient: true)
        try program.add(slot: 0, nil)
        try program.addNone(nil)
        try program.addNone(nil)
        try program.add(slot: 1, nil)
        try program.add(slot: 2, nil)
        try program.add(true, nil)
        try program.add(0.5, nil)
        try program.add(0.0, nil)
        try program.add(false, nil)
        try program.finish(outputs: [3])
        return program
    }

    @Test("a batch norm leaves its running statistics alone, and takes them in evaluation only")
    func batchNorm() throws {
        try TensorRuntime.initialize()
        let program = try norm("aten::batch_norm")
        let inputs = [
            try tensor([1, 3, 1, 3], [4, 1]), try tensor([1], [1]), try tensor([4], [1]),
        ]
        #expect(try program.run(inputs)[0].floats() == [-1, 1, -1, 1])
        let evaluated = try TensorRuntime.evaluating { try program.run(inputs)[0].floats() }
        #expect(evaluated == [0, 1, 0, 1])
        #expect(try inputs[1].floats() == [1] && inputs[2].floats() == [4])
        let error = #expect(throws: TensorError.self) { try norm("aten::instance_norm") }
        #expect(error?.message.contains("changes the statistics") == true)
    }

    @Test("with bfloat16, products have its digits, but for operators that are kept out of it")
    func bfloat16() throws {
        try TensorRuntime.initialize()
        for isTaken in [true, false] {
            let program = try GraphProgram(inputCount: 2, constants: 0..<0)
            try program.addOperator(
                "aten::linear",
                overload: "",
                passesGradient: true,
                takesAutocast: isTaken
            )
            try program.add(slot: 0, nil)
            try program.add(slot: 1, nil)
            try program.finish(outputs: [2])
            // 257 is no number of bfloat16.
            let inputs = [try tensor([257], [1, 1]), try tensor([1], [1, 1])]
            let result = try TensorRuntime.autocasting { try program.run(inputs)[0] }
            #expect(try result.cast(to: .float32).floats() == [isTaken ? 256 : 257])
            #expect(result.byteCount == (isTaken ? 2 : 4))
            #expect(try program.run(inputs)[0].floats() == [257], "nothing of it is left")
        }
    }

    @Test("takes no number for a property, and no property for a number")
    func properties() throws {
        let number = try failure { program in
            try program.addOperator("aten::zeros", overload: "", passesGradient: true)
            try program.add([4], nil)
            try program.add(200, "dtype")
        }
        #expect(number.contains("dtype is a property"))
        let property = try failure { program in
            try program.addOperator("aten::zeros", overload: "", passesGradient: true)
            try program.add([4], nil)
            try program.add(property: "dtype", "float32", "layout")
        }
        #expect(property.contains("layout is no dtype"))
        let unknown = try failure { program in
            try program.addOperator("aten::zeros", overload: "", passesGradient: true)
            try program.add([4], nil)
            try program.add(property: "dtype", "float1", "dtype")
        }
        #expect(unknown.contains("unknown element type float1"))
        let fraction = try failure { program in
            try program.addOperator("aten::zeros", overload: "", passesGradient: true)
            try program.add([2.5], nil)
        }
        #expect(fraction.contains("2.5 where a whole number is asked for"))
    }

    @Test("has operators that there are, with the arguments that they have")
    func schemas() throws {
        let unknown = try failure { program in
            try program.addOperator("aten::relo", overload: "", passesGradient: true)
        }
        #expect(unknown.contains("no operator aten::relo"))
        let tooMany = try failure { program in
            try program.addOperator("aten::relu", overload: "", passesGradient: true)
            try program.add(slot: 0, nil)
            try program.add(slot: 0, nil)
        }
        #expect(tooMany.contains("takes 1 arguments"))
        let missing = try failure { program in
            try program.addOperator("aten::mul", overload: "Tensor", passesGradient: true)
            try program.add(slot: 0, nil)
            try program.finish(outputs: [3])
        }
        #expect(missing.contains("aten::mul lacks other"))
        let later = try failure { program in
            try program.addOperator("aten::relu", overload: "", passesGradient: true)
            try program.add(slot: 3, nil)
        }
        #expect(later.contains("slot 3"))
    }
}
