import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

/// A store with the layers of ``RunFixture`` to save in it.
private struct StoreBench {
    let folder: TemporaryFolder
    let job: JobSpecification
    let store: CheckpointStore

    init(job: JobSpecification = RunFixture.job(), path: String? = nil) throws {
        folder = try TemporaryFolder()
        self.job = job
        store = try CheckpointStore(path: path ?? folder.path + "/saves", job: job)
        try store.prepare()
    }

    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: store.path).sorted()
    }

    /// Writes all layers as the workers do.
    @discardableResult
    func write(step: Int, generation: Generation = 0) throws -> CheckpointPublication {
        let partial = store.partialPath(step: step, generation: generation)
        try FileManager.default.createDirectory(
            atPath: partial,
            withIntermediateDirectories: true
        )
        let layers = try (0..<3).map { layer in
            let header = StateDigest.header(ofLayer: layer, model: RunFixture.model).bytes.count
            return try LayerFile.write(
                Array(RunFixture.layerFile(layer)[header...]),
                ofLayer: layer,
                model: RunFixture.model,
                to: partial
            )
        }
        return CheckpointPublication(
            generation: generation,
            step: step,
            corpusDigest: "corpus",
            layers: layers
        )
    }

    func save(step: Int, generation: Generation = 0) throws {
        try store.publish(write(step: step, generation: generation))
    }

    func newest(_ limit: Int = 1000) -> (point: RestorePoint?, passedOver: [String]) {
        store.newest(atMost: limit, corpusDigest: "corpus", excluding: [])
    }

    func path(_ step: Int, _ file: String) -> String {
        store.path + "/" + CheckpointLayout.folderName(step: step) + "/" + file
    }

    func alter(_ step: Int, _ file: String, _ change: (inout Data) -> Void) throws {
        let url = URL(fileURLWithPath: path(step, file))
        var data = try Data(contentsOf: url)
        change(&data)
        try data.write(to: url)
    }
}

@Suite("The checkpoint store", .timeLimit(.minutes(5))) struct CheckpointStoreTests {
    @Test("a save is no checkpoint until it is published, and then a whole one")
    func publication() throws {
        let bench = try StoreBench()
        let save = try bench.write(step: 5)
        #expect(bench.newest().point == nil)
        try bench.store.publish(save)
        #expect(try bench.names() == ["step-000005"])
        let checkpoint = try Checkpoint(path: bench.store.path + "/step-000005")
        #expect(checkpoint.violations() == [])
        let point = try #require(bench.newest().point)
        #expect(point.step == 5)
        #expect(point.layerSHA256 == RunFixture.layerDigests)
        #expect(
            point.stateSHA256
                == StateDigest.state(step: 5, layerDigests: RunFixture.layerDigests)
        )
        for layer in 0..<3 {
            let bytes = try LayerFile.read(
                layer: layer,
                model: RunFixture.model,
                from: point.folder,
                sha256: point.layerSHA256[layer]
            )
            #expect(RunFixture.layerFile(layer).suffix(bytes.count) == bytes[...])
        }
    }

    @Test("the files are those that the final state has: one format")
    func sameFormat() throws {
        let bench = try StoreBench()
        try bench.save(step: 5)
        let run = try RunFixture()
        for layer in 0..<3 {
            let name = CheckpointLayout.fileName(ofLayer: layer)
            let saved = FileManager.default.contents(atPath: bench.path(5, name))
            #expect(saved.map { Array($0) } == (try run.read("checkpoints/step-000005/\(name)")))
        }
    }

    @Test("only the newest stay")
    func retention() throws {
        let bench = try StoreBench()
        for step in [2, 4, 6, 8] {
            try bench.save(step: step)
            try bench.store.prune(keep: 2, generation: 0)
        }
        #expect(try bench.names() == ["step-000006", "step-000008"])
    }

    @Test("a torn checkpoint does not count for retention: the last whole one stays")
    func retentionOfTorn() throws {
        let bench = try StoreBench()
        try bench.save(step: 2)
        try bench.save(step: 4)
        try bench.alter(4, "layer-001.safetensors") { $0.removeLast() }
        try bench.store.prune(keep: 1, generation: 0)
        #expect(try bench.names() == ["step-000002", "step-000004"])
        #expect(bench.newest().point?.step == 2)
    }

    @Test("a step that is saved again replaces what stands there")
    func again() throws {
        let bench = try StoreBench()
        try bench.save(step: 5, generation: 1)
        try bench.alter(5, "layer-000.safetensors") { $0.removeLast() }
        try bench.save(step: 5, generation: 2)
        #expect(try bench.names() == ["step-000005"])
        #expect(try Checkpoint(path: bench.store.path + "/step-000005").violations() == [])
    }

    @Test("what a save left that came to nothing goes, and no other")
    func leftovers() throws {
        let bench = try StoreBench()
        try bench.save(step: 2)
        try bench.write(step: 4, generation: 1)
        try bench.write(step: 4, generation: 2)
        try bench.store.discard(step: 4, generation: 1)
        #expect(try bench.names() == ["step-000002", "step-000004.generation-2.partial"])
        try bench.store.removeLeftovers()
        #expect(try bench.names() == ["step-000002"])
    }

    @Test("a writer that is late cannot touch a newer save of the same step")
    func lateWriter() throws {
        let bench = try StoreBench()
        let late = bench.store.partialPath(step: 5, generation: 1)
        try bench.save(step: 5, generation: 2)
        #expect(!FileManager.default.fileExists(atPath: late))
        #expect(try Checkpoint(path: bench.store.path + "/step-000005").violations() == [])
    }
}

@Suite("Faults of the checkpoint store", .serialized, .timeLimit(.minutes(5)))
struct CheckpointFaultTests {
    @Test("a torn write that the system called done is found before publication")
    func tornBeforePublication() throws {
        let bench = try StoreBench()
        try bench.save(step: 2)
        let save = try bench.write(step: 4)
        let file = bench.store.partialPath(step: 4, generation: 0) + "/layer-001.safetensors"
        #expect(truncate(file, 100) == 0)
        let error = #expect(throws: OobleckError.self) { try bench.store.publish(save) }
        #expect(error?.code == .storage)
        #expect(error?.message.contains("layer-001.safetensors has 100 bytes") == true)
        #expect(bench.newest().point?.step == 2)
    }

    @Test("a layer that was never written is found before publication")
    func missingBeforePublication() throws {
        let bench = try StoreBench()
        let save = try bench.write(step: 4)
        unlink(bench.store.partialPath(step: 4, generation: 0) + "/layer-002.safetensors")
        let error = #expect(throws: OobleckError.self) { try bench.store.publish(save) }
        #expect(error?.message.contains("layer-002.safetensors") == true)
        #expect(bench.newest().point == nil)
    }

    @Test("a torn, emptied or missing file, or manifest, is named and the one before is used")
    func tornAfterPublication() throws {
        for file in ["layer-000.safetensors", "layer-002.safetensors", "manifest.json"] {
            for size in [nil, 0, 60] {
                let bench = try StoreBench()
                try bench.save(step: 2)
                try bench.save(step: 4)
                let path = bench.path(4, file)
                if let size { #expect(truncate(path, size) == 0) } else { unlink(path) }
                let (point, passedOver) = bench.newest()
                #expect(point?.step == 2, "\(file) \(size ?? -1)")
                #expect(passedOver.count == 1 && passedOver[0].contains(file), "\(passedOver)")
            }
        }
    }

    @Test("an altered byte of a layer is found by whoever loads it", arguments: UInt64(0)..<30)
    func alteredByte(seed: UInt64) throws {
        let bench = try StoreBench()
        try bench.save(step: 4)
        let point = try #require(bench.newest().point)
        var random = SeededGenerator(state: seed)
        try bench.alter(4, "layer-001.safetensors") { data in
            let index = Int.random(in: data.indices, using: &random)
            data[index] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &random)
        }
        let header = StateDigest.header(ofLayer: 1, model: RunFixture.model).bytes
        let altered = try #require(
            FileManager.default.contents(atPath: bench.path(4, "layer-001.safetensors"))
        )
        // Metadata may change without changing what is read; all else may not.
        let isHarmless =
            Array(altered.suffix(from: header.count))
            == Array(RunFixture.layerFile(1).suffix(from: header.count))
        do {
            let bytes = try LayerFile.read(
                layer: 1,
                model: RunFixture.model,
                from: point.folder,
                sha256: point.layerSHA256[1]
            )
            #expect(isHarmless && bytes == Array(RunFixture.layerFile(1)[header.count...]))
        } catch let error as OobleckError {
            #expect(error.message.contains("layer-001.safetensors"), "\(error)")
        }
        // Offline verification reads every byte.
        #expect(!(try Checkpoint(path: point.folder).violations()).isEmpty)
    }

    @Test("an altered digest in the manifest is found before anything is loaded")
    func alteredManifest() throws {
        let bench = try StoreBench()
        try bench.save(step: 2)
        try bench.save(step: 4)
        try bench.alter(4, "manifest.json") { data in
            let text = String(decoding: data, as: UTF8.self)
            let digest = RunFixture.layerDigests[1]
            let other = String(digest.reversed())
            data = Data(
                text.replacing("\"sha256\" : \"\(digest)\"", with: "\"sha256\" : \"\(other)\"").utf8
            )
        }
        let (point, passedOver) = bench.newest()
        #expect(point?.step == 2)
        #expect(passedOver.first?.contains("altered") == true, "\(passedOver)")
    }

    @Test("another job's checkpoints are passed over, never replaced, never removed")
    func foreign() throws {
        let bench = try StoreBench()
        var other = RunFixture.job()
        other.training.seed = 99
        let stranger = try StoreBench(job: other, path: bench.store.path)
        try bench.save(step: 2)
        try stranger.save(step: 4)
        let (point, passedOver) = bench.newest()
        #expect(point?.step == 2)
        #expect(passedOver.first?.contains("another job") == true, "\(passedOver)")
        let error = #expect(throws: OobleckError.self) { try bench.save(step: 4, generation: 3) }
        #expect(error?.message.contains("another job") == true)
        try bench.save(step: 6)
        try bench.store.prune(keep: 1, generation: 0)
        #expect(try bench.names().contains("step-000004"))
        #expect(try !bench.names().contains("step-000002"))
    }

    @Test("a checkpoint on another corpus, or of a later step, is not restored")
    func unfit() throws {
        let bench = try StoreBench()
        try bench.save(step: 4)
        let other = bench.store.newest(atMost: 9, corpusDigest: "other", excluding: [])
        #expect(other.point == nil)
        #expect(other.passedOver.first?.contains("corpus") == true)
        #expect(bench.newest(3).point == nil)
        let excluded = bench.store.newest(atMost: 9, corpusDigest: "corpus", excluding: [4])
        #expect(excluded.point == nil && excluded.passedOver == [])
    }

    @Test("a layer of another run in place of our own is found by its digest")
    func swappedLayer() throws {
        let bench = try StoreBench()
        try bench.save(step: 4)
        let point = try #require(bench.newest().point)
        // Same model, same shapes, other numbers.
        try bench.alter(4, "layer-001.safetensors") { data in
            for index in data.indices.suffix(400) { data[index] = UInt8(truncatingIfNeeded: index) }
        }
        let error = #expect(throws: OobleckError.self) {
            try LayerFile.read(
                layer: 1,
                model: RunFixture.model,
                from: point.folder,
                sha256: point.layerSHA256[1]
            )
        }
        #expect(error?.message.contains("SHA-256") == true)
    }
}
