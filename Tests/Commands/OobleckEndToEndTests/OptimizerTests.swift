import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

@Suite("Other optimizers, and parameters that stay", .serialized, .timeLimit(.minutes(10)))
struct OptimizerTests {
    private static let kill = "node=1,point=mid-optimizer,step=3,target=node"

    /// The digest after a run with a kill, which an undisturbed run has as well.
    private func state(_ lab: Laboratory, _ settings: [String], _ name: String) throws -> String {
        let options = settings.flatMap { ["--set", $0] }
        let disturbed = try lab.train(name, options + ["--fault", Self.kill])
        try #require(disturbed.status == 0, "\(disturbed.errors)")
        let reference = try lab.train(name + "-reference", options + ["--reference"])
        try #require(reference.status == 0, "\(reference.errors)")
        let state = try lab.result(name).stateSHA256
        #expect(try lab.result(name + "-reference").stateSHA256 == state)
        #expect(try lab.result(name).failures == 1)
        return state
    }

    /// The state of a layer at the end of a run.
    private func layer(_ lab: Laboratory, _ name: String, _ layer: Int) throws -> String {
        let newest = try #require(
            Checkpoint.folders(in: try RunDirectory.open(path: lab.path(name))).last
        )
        return try Checkpoint(path: newest).manifest.layers[layer].sha256
    }

    @Test("SGD with momentum ends with one state, and with another than AdamW")
    func stochasticDescent() throws {
        let lab = try Laboratory()
        let rate = "training.learning_rate=0.05"
        let sgd = ["training.optimizer=sgd", "training.momentum=0.9", rate]
        let state = try state(lab, sgd, "sgd")
        #expect(try self.state(lab, sgd + ["training.nesterov=true"], "nesterov") != state)
        let mixed = try lab.train("mixed", ["--set", "training.momentum=0.9"])
        #expect(mixed.status == 64)
        #expect(mixed.errors.contains("training.momentum has no meaning for optimizer adamw"))
    }

    @Test("what is computed again in the backward pass comes to the same bits")
    func recomputation() throws {
        let lab = try Laboratory()
        let plain = try lab.train("plain", [])
        try #require(plain.status == 0, "\(plain.errors)")
        let state = try state(lab, ["training.recompute=layers"], "recomputing")
        #expect(try lab.result("plain").stateSHA256 == state)
        let profile = try RunDirectory.open(path: lab.path("recomputing")).profile()
        #expect(profile.recomputes == true)
        let wrong = try lab.run([
            "train", lab.path("job.yaml"), "--run-dir", lab.path("wrong"), "--profile",
            lab.path("recomputing/profile.json"),
        ])
        #expect(wrong.status == 65)
        #expect(wrong.errors.contains("the profile is that of a run with training.recompute"))
    }

    @Test("with bfloat16 every plan and every failure end with one state, and another than float32")
    func bfloat16() throws {
        let lab = try Laboratory()
        let short = ["training.precision=bfloat16"]
        let state = try state(lab, short, "short")
        #expect(try self.state(lab, short + ["training.recompute=layers"], "again") == state)
        let plain = try lab.train("plain", [])
        try #require(plain.status == 0, "\(plain.errors)")
        #expect(try lab.result("plain").stateSHA256 != state)
        let wrong = try lab.train("wrong", ["--set", "training.precision=float16"])
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("is \"float16\"; it must be float32 or bfloat16"))
    }

    @Test("parameters that fit no pattern stay as they began, those of tied layers included")
    func frozen() throws {
        let lab = try Laboratory()
        let train = "training.train=[transformer.h.5.*, transformer.h.2.mlp.*, transformer.ln_f.*]"
        _ = try state(lab, [train], "tuned")
        let options = [
            "--set", train, "--set", "training.steps=2", "--set", "training.decay_steps=8",
        ]
        let short = try lab.train("short", options)
        try #require(short.status == 0, "\(short.errors)")
        for layer in 0...7 {
            // Layer 3 is block 2, layer 6 is block 5, layer 7 the head with the final norm.
            let isTrained = [3, 6, 7].contains(layer)
            let (first, last) = (
                try self.layer(lab, "short", layer), try self.layer(lab, "tuned", layer)
            )
            #expect((first != last) == isTrained, "layer \(layer)")
        }
        let unknown = try lab.train("unknown", ["--set", "training.train=[lm_hed.*]"])
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("fits none of the model's"))
    }
}
