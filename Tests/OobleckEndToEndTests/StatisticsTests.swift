import Foundation
import OobleckCore
import OobleckRun
import OobleckTestSupport
import Testing

@Suite("Running statistics of batch norms", .serialized, .enabled(if: PythonTools.areThere))
struct StatisticsTests {
    /// A network with norms of two momenta in one layer.
    ///
    /// Writes its data: one microbatch of samples, so that every microbatch has the same statistics.
    private static let network = """
        import sys
        import numpy as np
        import torch
        from torch import nn

        class Network(nn.Module):
            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList(
                    nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3, momentum=0.2),
                                  nn.ReLU(), nn.BatchNorm2d(3, momentum=0.05)) for _ in range(3))
                self.last = nn.Linear(3, 5)

            def forward(self, x, labels):
                for block in self.blocks:
                    x = x + block(x)
                logits = self.last(x.mean((2, 3)))
                return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

        def data():
            torch.manual_seed(2)
            return {"x": 3 * torch.randn(4, 3, 6, 6) + 1, "labels": torch.tensor([0, 3, 2, 4])}

        def make():
            torch.manual_seed(1)
            network = Network()
            with torch.no_grad():
                for value in network.parameters():
                    value.add_(0.1 * torch.randn_like(value))
            network.blocks[1][1].running_mean.fill_(0.5)
            network.blocks[1][1].num_batches_tracked.fill_(7)
            return network.train(), data()

        if __name__ == "__main__":
            folder, exported, updates, loss = sys.argv[1:]
            if exported == "-":
                for name, value in data().items():
                    np.save(f"{folder}/columns/{name}.npy", value.numpy())
                    np.save(f"{folder}/twice/{name}.npy", np.concatenate([value.numpy()] * 2))
                sys.exit()
            from safetensors.torch import load_file
            found = load_file(exported)
            network, batch = make()
            before = {k: v.clone() for k, v in network.state_dict().items()}
            network(**batch)
            once = network.state_dict()
            norms = {f"blocks.{i}.{j}": m for i in range(3) for j, m in ((1, 0.2), (3, 0.05))}
            for norm, momentum in norms.items():
                for kind in ("running_mean", "running_var"):
                    name = f"{norm}.{kind}"
                    observed = (once[name] - (1 - momentum) * before[name]) / momentum
                    kept = (1 - momentum) ** int(updates)
                    wanted = kept * before[name] + (1 - kept) * observed
                    worst = float((found[name] - wanted).abs().max())
                    assert worst < 1e-5, f"{name} is off by {worst}"
                counter = f"{norm}.num_batches_tracked"
                assert int(found[counter]) == int(before[counter]) + int(updates), counter
            network.load_state_dict(found)
            wanted = float(network.eval()(**batch)["loss"])
            assert abs(wanted - float(loss)) < 1e-5, f"evaluated {loss}, PyTorch {wanted}"
            print("equal")
        """

    @Test("they are PyTorch's, the same bits under kills, and what evaluations use")
    func likePyTorch() throws {
        let lab = try Laboratory()
        try Self.network.write(
            toFile: lab.path("network.py"),
            atomically: true,
            encoding: .utf8
        )
        for folder in ["columns", "twice"] {
            try FileManager.default.createDirectory(
                atPath: lab.path(folder),
                withIntermediateDirectories: true
            )
        }
        let script = [lab.path("network.py"), lab.folder]
        let written = PythonTools.run(script + ["-", "0", "0"], [:])
        try #require(written.status == 0, "\(written.output)")
        let imported = try lab.run([
            "import", lab.path("network.py") + ":make", "--to", lab.path("model"),
        ])
        try #require(imported.status == 0, "\(imported.errors)")
        try """
        model: {import: model}
        data: {columns: columns, validation: twice}
        evaluate: {every: 100}
        training: {steps: 3, seed: 5, global_batch: 8, learning_rate: 1e-12, weight_decay: 0, \
        microbatch: 4}
        cluster: {nodes: 4, fault_tolerance: 1}
        """.write(toFile: lab.path("job.yaml"), atomically: true, encoding: .utf8)
        var states: Set<String> = []
        for (name, more) in [
            ("reference", ["--reference"]),
            ("kill", ["--fault", "node=0,point=mid-optimizer,step=1,target=node"]),
            ("recomputing", ["--set", "training.recompute=layers"]),
        ] {
            let run = try lab.run(
                ["train", lab.path("job.yaml"), "--run-dir", lab.path(name)] + more
            )
            try #require(run.status == 0, "\(run.errors)")
            states.insert(try lab.result(name).stateSHA256)
        }
        #expect(states.count == 1)
        let exported = try lab.run(["export", lab.path("kill"), "--to", lab.path("out")])
        try #require(exported.status == 0, "\(exported.errors)")
        let loss = try #require(try lab.result("kill").validationLoss)
        let compared = PythonTools.run(
            script + [lab.path("out/model.safetensors"), "6", "\(loss)"],
            [:]
        )
        #expect(compared.status == 0 && compared.output.contains("equal"), "\(compared.output)")
    }
}
