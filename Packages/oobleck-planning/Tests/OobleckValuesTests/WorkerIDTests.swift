import Foundation
import OobleckValues
import Testing

@Suite("Workers are named by node and device", .timeLimit(.minutes(10)))
struct WorkerIDTests {
    @Test("the text of a worker is its node, and its device unless it is the first; it reads back")
    func text() {
        #expect(WorkerID(3).description == "3")
        #expect(WorkerID(3, device: 1).description == "3/1")
        for worker in [WorkerID(0), WorkerID(12, device: 7), 5] {
            #expect(WorkerID(worker.description) == worker)
        }
    }

    @Test(
        "other texts name no worker",
        arguments: ["", "/", "3/", "/1", "3/0", "3/1/2", "-1", "3/-1", "a", "3 "]
    )
    func malformed(text: String) { #expect(WorkerID(text) == nil) }

    @Test("workers are in the order of their nodes, then of their devices")
    func order() {
        let workers = [WorkerID(2), WorkerID(1, device: 1), WorkerID(10), WorkerID(1)]
        #expect(workers.sorted().map(\.description) == ["1", "1/1", "2", "10"])
        #expect(workers.nodes == [1, 2, 10])
    }

    @Test("the stages of a node take its devices in their order")
    func devices() {
        let stages = [(0, 1), (0, 2), (1, 1), (1, 1), (1, 1)].enumerated().map { index, place in
            StageTemplate(
                firstLayer: index,
                endLayer: index + 1,
                node: place.0,
                devices: place.1,
                forward: 1,
                backward: 1
            )
        }
        let template = PipelineTemplate(nodes: 2, iteration: 1, stages: stages)
        let workers = template.workers(on: [7, 4])
        #expect(workers.map(\.description) == ["7", "7/1", "4", "4/1", "4/2"])
    }

    @Test("a copy between first devices is written as before; others name their devices")
    func transfers() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func json(_ copy: LayerTransfer) throws -> String {
            let data = try encoder.encode(copy)
            #expect(try JSONDecoder().decode(LayerTransfer.self, from: data) == copy)
            return String(decoding: data, as: UTF8.self)
        }
        let plain = LayerTransfer(layer: 2, fromNode: 1, toNode: 4, bytes: 10)
        #expect(try json(plain) == #"{"bytes":10,"from_node":1,"layer":2,"to_node":4}"#)
        #expect(LayerTransfer(layer: 2, from: 1, to: 4, bytes: 10) == plain)
        let inside = LayerTransfer(layer: 2, from: 1, to: WorkerID(1, device: 1), bytes: 10)
        #expect(try json(inside).contains(#""to_device":1"#))
        #expect(inside.sender == 1 && inside.receiver == WorkerID(1, device: 1))
    }
}
