import Foundation
import OobleckCore
import OobleckData
import OobleckTestSupport
import Testing

@Suite("Graphs of imported layers", .timeLimit(.minutes(5))) struct LayerGraphTests {
    private static let path = "graph-0.json"

    /// Reads a graph with two inputs and these nodes.
    private func graph(_ nodes: String, outputs: String = "[0]") throws -> LayerGraph {
        try read("{\"inputs\": 2, \"nodes\": [\(nodes)], \"outputs\": \(outputs)}")
    }

    private func read(_ text: String) throws -> LayerGraph {
        try LayerGraph(JSONValue(parsing: Array(text.utf8), path: Self.path), path: Self.path)
    }

    /// A node that calls an operator.
    private func node(
        _ name: String,
        _ overload: String = "",
        _ arguments: String = "{\"r\": 0}"
    )
        -> String
    {
        "{\"op\": \"\(name)\", \"overload\": \"\(overload)\", \"args\": [\(arguments)]}"
    }

    /// The first argument of a node that has this one.
    private func argument(_ text: String) throws -> LayerGraph.Argument? {
        try graph(node("aten::add", "", text)).nodes.first?.arguments.first
    }

    /// What is said of nodes that make no sense.
    private func refusal(_ nodes: String, outputs: String = "[0]") -> String {
        let error = #expect(throws: OobleckError.self, "\(nodes.prefix(200))") {
            try graph(nodes, outputs: outputs)
        }
        #expect(error?.code == .inputData)
        #expect(error?.message.hasPrefix(Self.path) == true)
        #expect(error?.message.contains("\n") == false)
        return error?.message ?? ""
    }

    @Test("the graphs of a small model are read as they stand")
    func valid() throws {
        let folder = try TemporaryFolder()
        let model = try ImportedFolder.open(path: try ImportFixture().write(folder))
        let graphs = try ImportedFolder(model).graphs()
        let block = try #require(graphs["graph-1.json"])
        #expect(block.inputCount == 3 && block.outputs == [4])
        #expect(block.nodes.map(\.name) == ["aten::linear", "aten::mul"])
        #expect(block.nodes[1].overload == "Tensor")
        #expect(block.nodes[1].arguments == [.slot(3), .slot(1)])
        let head = try #require(graphs["graph-2.json"])
        #expect(head.nodes[3].keywords.map(\.name) == ["reduction", "ignore_index"])
        #expect(head.nodes[3].keywords.map(\.value) == [.integer(2), .integer(-100)])
        #expect(head.nodes.map(\.passesGradient) == [true, true, true, true, false, true])
    }

    @Test(
        "an operator that is not on the list is refused by name",
        arguments: [
            ("aten::from_file", ""), ("aten::save", ""), ("aten::rand", ""), ("aten::randn", ""),
            ("aten::rand_like", ""), ("aten::bernoulli", ""), ("aten::multinomial", ""),
            ("aten::normal_", ""), ("aten::uniform_", ""), ("aten::native_dropout", ""),
            ("prim::Print", ""), ("prim::PythonOp", ""), ("quantized::add", ""), ("add", ""),
            ("aten::", ""), ("", ""), ("ATEN::add", ""), ("aten::aten::add", ""),
            ("aten:: add", ""),
            ("aten::set_", ""), ("aten::resize_", ""), ("aten::_cuda_getCurrentRawStream", ""),
            ("aten::item", ""), ("aten::_local_scalar_dense", ""),
            ("profiler::_record_function_enter", ""),
            ("aten::add", "out"), ("aten::add", "Scalar_out"), ("aten::sum", "IntList_out"),
            ("aten::max", "dim_max"), ("aten::min", "dim_min"), ("aten::sort", "values"),
            ("aten::sort", "values_stable"), ("aten::topk", "values"), ("aten::add_out", ""),
        ]
    )
    func refusedOperators(name: String, overload: String) {
        let called = overload.isEmpty ? name : "\(name).\(overload)"
        let message = refusal(node("aten::relu") + "," + node(name, overload))
        #expect(message.contains("node 1 calls \(called), which is not on the list"))
    }

    @Test("operators on the list may write over a value of the graph, and have any other overload")
    func allowedOperators() throws {
        for (name, overload) in [
            ("aten::add", ""), ("aten::add", "Tensor"), ("aten::add_", "Scalar"),
            ("aten::mul_", ""),
            ("aten::copy_", ""), ("aten::dropout", ""), ("aten::max", "dim"),
            ("aten::sort", "stable"),
            ("aten::scaled_dot_product_attention", ""), ("aten::sum", "dim_IntList"),
        ] {
            #expect(try graph(node(name, overload)).nodes.first?.name == name)
        }
    }

    @Test("a slot is one that exists by then: an input, or a node before")
    func slots() throws {
        #expect(try graph(node("aten::relu", "", "{\"r\": 1}")).nodes.count == 1)
        let chain = node("aten::relu") + "," + node("aten::relu", "", "{\"r\": 2}")
        #expect(try graph(chain, outputs: "[3, 0, 3]").outputs == [3, 0, 3])
        for slot in [
            "2", "3", "-1", "1000000", "9223372036854775807", "-9223372036854775808",
            "9223372036854775808", "1.0", "1e0", "true", "null", "\"0\"", "[0]", "{}",
        ] {
            #expect(
                refusal(node("aten::relu", "", "{\"r\": \(slot)}")).contains("node 0 (aten::relu)")
            )
            // Also inside a list.
            let list = node("aten::cat", "", "[{\"r\": 0}, {\"r\": \(slot)}]")
            #expect(refusal(list).contains("node 0 (aten::cat)"))
            let keyword = "{\"op\": \"aten::relu\", \"kwargs\": {\"self\": {\"r\": \(slot)}}}"
            #expect(refusal(keyword).contains("node 0 (aten::relu)"))
        }
    }

    @Test("an output is a slot that exists")
    func outputs() throws {
        for output in [
            "3", "-1", "1.5", "null", "\"2\"", "[2]", "{\"r\": 2}", "9223372036854775808",
        ] {
            #expect(refusal(node("aten::relu"), outputs: "[\(output)]").contains("is no slot of 3"))
        }
        #expect(try graph(node("aten::relu"), outputs: "[]").outputs == [])
    }

    @Test(
        "what is no graph is refused",
        arguments: [
            "[]", "null", "{}", "{\"inputs\": 1}", "{\"inputs\": 1, \"nodes\": []}",
            "{\"inputs\": -1, \"nodes\": [], \"outputs\": []}",
            "{\"inputs\": 1000001, \"nodes\": [], \"outputs\": []}",
            "{\"inputs\": 9223372036854775807, \"nodes\": [], \"outputs\": []}",
            "{\"inputs\": 1.0, \"nodes\": [], \"outputs\": []}",
            "{\"inputs\": \"1\", \"nodes\": [], \"outputs\": []}",
            "{\"inputs\": 1, \"nodes\": {}, \"outputs\": []}",
            "{\"inputs\": 1, \"nodes\": [], \"outputs\": 0}",
        ]
    )
    func noGraph(text: String) {
        let error = #expect(throws: OobleckError.self) { try read(text) }
        #expect(error?.message == "graph-0.json: a graph has inputs, nodes and outputs")
    }

    @Test(
        "parts of a node of the wrong type are refused, not passed over",
        arguments: [
            "7", "null", "[]", "{}", "{\"op\": 7}", "{\"op\": null}", "{\"op\": [\"aten::relu\"]}",
            "{\"op\": \"aten::relu\", \"args\": {\"r\": 0}}",
            "{\"op\": \"aten::relu\", \"args\": 7}",
            "{\"op\": \"aten::relu\", \"kwargs\": [{\"r\": 0}]}",
            "{\"op\": \"aten::relu\", \"overload\": 7}",
            "{\"op\": \"aten::relu\", \"overload\": null}",
            "{\"op\": \"aten::relu\", \"grad\": 0}",
            "{\"op\": \"aten::relu\", \"grad\": \"false\"}",
        ]
    )
    func wrongTypes(node: String) {
        #expect(refusal(node).contains("node 0"))
    }

    @Test("constants are read as what they are")
    func constants() throws {
        #expect(try argument("null") == LayerGraph.Argument.none)
        #expect(try argument("true") == .boolean(true))
        #expect(try argument("-7") == .integer(-7))
        #expect(try argument("9223372036854775807") == .integer(.max))
        #expect(try argument("1.0") == .number(1))
        #expect(try argument("-0.0") == .number(-0.0))
        #expect(try argument("1e-12") == .number(1e-12))
        #expect(try argument("\"none\"") == .text("none"))
        #expect(
            try argument("{\"dtype\": \"float32\"}") == .property(kind: "dtype", name: "float32")
        )
        #expect(try argument("{\"device\": \"cpu\"}") == .property(kind: "device", name: "cpu"))
        #expect(try argument("{\"float\": \"inf\"}") == .number(.infinity))
        #expect(try argument("{\"float\": \"-inf\"}") == .number(-.infinity))
        guard case .number(let value)? = try argument("{\"float\": \"nan\"}") else {
            Issue.record("nan is no number")
            return
        }
        #expect(value.isNaN)
    }

    @Test("lists are of one kind; of numbers a single fraction makes all fractions")
    func lists() throws {
        #expect(try argument("[]") == .integers([]))
        #expect(try argument("[1, -2]") == .integers([1, -2]))
        #expect(try argument("[1, 2.5]") == .numbers([1, 2.5]))
        #expect(try argument("[true, false]") == .booleans([true, false]))
        #expect(try argument("[{\"r\": 0}, null, {\"r\": 1}]") == .slots([0, nil, 1]))
        #expect(try argument("[null]") == .slots([nil]))
    }

    @Test(
        "other lists and objects are refused",
        arguments: [
            "[[1]]", "[[{\"r\": 0}]]", "[[]]", "[{\"r\": 0}, 1]", "[true, 1]", "[\"a\"]",
            "[1, null]",
            "[{\"dtype\": \"float32\"}]", "{}", "{\"r\": 0, \"s\": 1}", "{\"s\": 0}",
            "{\"float\": \"infinity\"}", "{\"float\": 1}", "{\"float\": \"NaN\"}", "{\"dtype\": 6}",
            "{\"device\": null}", "{\"layout\": []}",
        ]
    )
    func otherArguments(text: String) {
        #expect(
            refusal(node("aten::add", "", text)).contains("has an argument that makes no sense")
        )
    }

    @Test("nesting without end is refused, not followed")
    func nesting() {
        for deep in [70, 10_000, 200_000] {
            let text = String(repeating: "[", count: deep) + String(repeating: "]", count: deep)
            #expect(throws: OobleckError.self) { try graph(node("aten::add", "", text)) }
        }
        // As deep as the text may be.
        let text = String(repeating: "[", count: 50) + String(repeating: "]", count: 50)
        #expect(
            refusal(node("aten::add", "", text)).contains("has an argument that makes no sense")
        )
    }

    @Test("one result of several is taken by a slot and an index")
    func results() throws {
        let taken = try graph(node("aten::max", "dim") + "," + node("getitem", "", "{\"r\": 2}, 1"))
        #expect(taken.nodes[1].arguments == [.slot(2), .integer(1)])
        for arguments in [
            "", "{\"r\": 2}", "{\"r\": 2}, 1, 1", "1, {\"r\": 2}", "{\"r\": 2}, {\"r\": 2}",
            "{\"r\": 2}, 1.0", "{\"r\": 2}, null", "[{\"r\": 2}], 0", "{\"r\": 2}, true", "null, 0",
        ] {
            let nodes = node("aten::max", "dim") + "," + node("getitem", "", arguments)
            #expect(
                refusal(nodes)
                    == "graph-0.json: node 1 takes a result, and needs a slot and an index"
            )
        }
    }

    @Test("a negative index of a result is refused")
    func negativeIndex() {
        let nodes = node("aten::max", "dim") + "," + node("getitem", "", "{\"r\": 2}, -1")
        #expect(
            refusal(nodes) == "graph-0.json: node 1 takes a result, and needs a slot and an index"
        )
    }

    @Test("names with line ends and of any length make one line of bounded length")
    func longNames() {
        let text = "aten::a\\nb\\u2028c\\r\\u0000" + String(repeating: "x", count: 100_000)
        let message = refusal(node(text))
        #expect(message.utf8.count < 20_000)
        #expect(message.unicodeScalars.allSatisfy { $0.value >= 32 })
    }
}
