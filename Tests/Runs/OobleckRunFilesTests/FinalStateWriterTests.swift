import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct FinalStateWriterTests {
    let folder: TemporaryFolder
    let directory: RunDirectory
    let writer: FinalStateWriter

    init() throws {
        folder = try TemporaryFolder()
        directory = try RunDirectory.create(
            path: folder.path + "/run",
            job: RunFixture.job(),
            configText: ""
        )
        writer = try FinalStateWriter(directory, model: RunFixture.model, step: 5)
    }

    private var checkpoints: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: directory.checkpointsPath).sorted()
        }
    }

    @Test("layers that come interleaved are published whole, under the digest of the state")
    func publication() throws {
        var queues = (0..<3).map { RunFixture.chunks($0, generation: 2, size: 7 + 40 * $0)[...] }
        #expect(writer.missingLayers == [0, 1, 2])
        while queues.contains(where: { !$0.isEmpty }) {
            for layer in queues.indices {
                if let chunk = queues[layer].popFirst() { try writer.receive(chunk) }
            }
        }
        #expect(writer.missingLayers == [])
        #expect(try checkpoints == ["step-000005.partial"])
        let state = try writer.publish(layerDigests: RunFixture.layerDigests)
        #expect(try checkpoints == ["step-000005"])
        #expect(state == StateDigest.state(step: 5, layerDigests: RunFixture.layerDigests))
        let checkpoint = try Checkpoint(path: directory.checkpointsPath + "/step-000005")
        #expect(checkpoint.model == RunFixture.model)
        #expect(checkpoint.manifest.stateSHA256 == state)
        #expect(checkpoint.violations() == [])
        for layer in 0..<3 {
            let path = checkpoint.path + "/" + checkpoint.manifest.layers[layer].file
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(bytes == RunFixture.layerFile(layer))
        }
    }

    @Test("an upload starts over under a newer generation; late pieces of the older are dropped")
    func restart() throws {
        let old = RunFixture.chunks(1, generation: 1)
        try writer.receive(old[0])
        for layer in 0..<3 {
            for chunk in RunFixture.chunks(layer, generation: 2) { try writer.receive(chunk) }
        }
        try writer.receive(old[1])
        #expect(try !writer.publish(layerDigests: RunFixture.layerDigests).isEmpty)
    }

    @Test("a missing or altered layer is not published")
    func refusal() throws {
        for layer in 0..<2 {
            for chunk in RunFixture.chunks(layer, generation: 1) { try writer.receive(chunk) }
        }
        #expect(throws: OobleckError.self) {
            try writer.publish(layerDigests: RunFixture.layerDigests)
        }
        var chunks = RunFixture.chunks(2, generation: 1)
        let last = chunks.count - 1
        chunks[last].bytes[0] ^= 1
        for chunk in chunks { try writer.receive(chunk) }
        let error = #expect(throws: OobleckError.self) {
            try writer.publish(layerDigests: RunFixture.layerDigests)
        }
        #expect(error?.message.contains("layer 2") == true)
        #expect(try checkpoints == ["step-000005.partial"])
    }

    @Test("more or fewer bytes than a layer has are refused as they come")
    func wrongSizes() throws {
        let chunk = RunFixture.chunks(0, generation: 1)[0]
        func refused(_ change: (inout LayerChunk) -> Void) {
            var changed = chunk
            change(&changed)
            #expect(throws: OobleckError.self) { try writer.receive(changed) }
        }
        refused { $0.layer = 3 }
        refused { $0.layer = -1 }
        refused { $0.isLast = true }
        refused { $0.bytes = [UInt8](repeating: 0, count: 1 << 20) }
    }
}
