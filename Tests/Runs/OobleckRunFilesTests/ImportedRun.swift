import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport

/// A finished run of a tiny imported model, with made-up content: a parameter's values follow from its
/// name, so that all copies of a tied one are equal.
struct ImportedRun {
    let folder: TemporaryFolder
    let path: String
    let model: ImportedModel

    /// `uses` are the layers that have the tied parameter; `spoiled` is one whose copy differs.
    init(
        uses: [Int] = [0, 2],
        spoiled: Int? = nil,
        companions: [String: String] = [:],
        steps: [CommittedStep] = (0..<5).map(RunFixture.step)
    ) throws {
        folder = try TemporaryFolder()
        var fixture = ImportFixture()
        fixture.companions = companions
        var manifest = try fixture.decoded()
        if uses.contains(1) {
            manifest.layers[1].parameters.append(manifest.layers[0].parameters[0])
            manifest.tied[0].layers = uses
        }
        let opened = try ImportedFolder.open(path: try fixture.write(folder))
        model = ImportedModel(path: opened.path, sha256: opened.sha256, manifest: manifest)
        var job = RunFixture.job()
        job.model = .imported(model)
        path = folder.path + "/run"
        let directory = try RunDirectory.create(path: path, job: job, configText: "")
        let recorder = try RunRecorder(directory)
        for step in steps { try recorder.append(step) }
        let writer = try FinalStateWriter(directory, model: job.model, step: 5)
        var digests: [String] = []
        for layer in 0..<job.model.layerCount {
            let header = StateDigest.header(ofLayer: layer, model: job.model)
            let data = Self.data(layer, job.model, isSpoiled: layer == spoiled)
            var hasher = SHA256Hasher()
            hasher.update(data)
            digests.append(hasher.hexadecimal)
            try writer.receive(
                LayerChunk(generation: 0, layer: layer, bytes: header.bytes + data, isLast: true)
            )
        }
        try recorder.write(RunFixture.result(state: try writer.publish(layerDigests: digests)))
    }

    private static func data(_ layer: Int, _ model: ModelSpecification, isSpoiled: Bool) -> [UInt8]
    {
        ParameterLayout.stateTensors(ofLayer: layer, model: model).flatMap { tensor in
            let base = tensor.name.utf8.reduce(0) { $0 + Int($1) }
            let shift = isSpoiled && tensor.name == "embed.weight" ? 1 : 0
            return (0..<tensor.elementCount).flatMap { index in
                let bits = Float(base + index + (index == 7 ? shift : 0)).bitPattern
                return (0..<4).map { UInt8(bits >> (8 * $0) & 255) }
            }
        }
    }

    var checkpointPath: String { path + "/checkpoints/step-000005" }
}
