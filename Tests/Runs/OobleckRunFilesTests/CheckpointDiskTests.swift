import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

/// Real file systems that refuse: what the writer of a layer says, and what it leaves.
@Suite("A layer on a disk that refuses", .serialized, .timeLimit(.minutes(5)))
struct CheckpointDiskTests {
    /// A block of 2.4 MB, which a small disk cannot hold.
    private static let model = ModelSpecification(
        name: "large",
        blocks: 1,
        hidden: 128,
        heads: 2,
        vocabulary: 64,
        sequenceLength: 8,
        dropout: 0
    )

    private func write(to folder: String) throws -> ShardDigest {
        let size = LayerFile.dataSize(ofLayer: 1, model: Self.model)
        return try LayerFile.write(
            [UInt8](repeating: 7, count: size),
            ofLayer: 1,
            model: Self.model,
            to: folder
        )
    }

    private func run(_ command: String) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }

    private static var canMount: Bool { geteuid() == 0 }

    @Test(
        "on a full disk the error names file and reason, and no part of the file stays",
        .enabled(if: canMount, "mounting a small tmpfs needs root")
    )
    func fullDisk() throws {
        let folder = try TemporaryFolder()
        guard run("mount -t tmpfs -o size=1m tmpfs \(folder.path)") == 0 else {
            throw OobleckError(.storage, "this machine does not permit mounting a tmpfs")
        }
        defer { _ = run("umount -l \(folder.path)") }
        let error = #expect(throws: OobleckError.self) { try write(to: folder.path) }
        #expect(error?.code == .storage)
        #expect(error?.message.contains("layer-001.safetensors") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("No space left") == true, "\(error?.message ?? "")")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test(
        "a read-only disk is named, for a layer and at the start of a run",
        .enabled(if: canMount, "mounting a small tmpfs needs root")
    )
    func readOnly() throws {
        let folder = try TemporaryFolder()
        guard run("mount -t tmpfs -o ro,size=1m tmpfs \(folder.path)") == 0 else {
            throw OobleckError(.storage, "this machine does not permit mounting a tmpfs")
        }
        defer { _ = run("umount -l \(folder.path)") }
        let error = #expect(throws: OobleckError.self) { try write(to: folder.path) }
        #expect(error?.message.contains("Read-only") == true, "\(error?.message ?? "")")
        let store = try CheckpointStore(path: folder.path, job: RunFixture.job())
        let refused = #expect(throws: OobleckError.self) { try store.prepare() }
        #expect(refused?.code == .storage)
        #expect(refused?.message.contains(folder.path) == true)
    }

    @Test("a missing folder is named")
    func missingFolder() throws {
        let error = #expect(throws: OobleckError.self) { try write(to: "/nowhere/at/all") }
        #expect(error?.message.contains("/nowhere/at/all") == true)
    }
}
