import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(
    "Running statistics of batch norms",
    .serialized,
    .enabled(if: PythonTools.areThere),
    .timeLimit(.minutes(10))
)
struct StatisticsTests {
    /// A network with norms of two momenta in one layer.
    ///
    /// Writes its data, and compares an exported state with that of PyTorch after forward passes over the
    /// microbatches in their order.
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
            scale = torch.linspace(0.2, 4, 20).reshape(20, 1, 1, 1)
            return {"x": scale * torch.randn(20, 3, 6, 6) + scale, "labels": torch.arange(20) % 5}

        def rows(indices):
            return {name: value[indices] for name, value in data().items()}

        def make():
            torch.manual_seed(1)
            network = Network()
            with torch.no_grad():
                for value in network.parameters():
                    value.add_(0.1 * torch.randn_like(value))
            network.blocks[1][1].running_mean.fill_(0.5)
            network.blocks[1][1].num_batches_tracked.fill_(7)
            return network.train(), rows(list(range(4)))

        if __name__ == "__main__":
            folder, exported, order, loss = sys.argv[1:]
            if exported == "-":
                for name, value in data().items():
                    np.save(f"{folder}/columns/{name}.npy", value.numpy())
                sys.exit()
            from safetensors.torch import load_file
            found = load_file(exported)
            network = make()[0]
            samples = [int(index) for index in order.split(",")]
            for first in range(0, len(samples), 4):
                network(**rows(samples[first:first + 4]))
            wanted = network.state_dict()
            assert set(found) == set(wanted)
            for name, value in wanted.items():
                worst = float((found[name] - value).abs().max())
                assert worst < 1e-5, f"{name} is off by {worst}"
            network.load_state_dict(found)
            wanted = float(network.eval()(**rows(list(range(16))))["loss"])
            assert abs(wanted - float(loss)) < 1e-5, f"evaluated {loss}, PyTorch {wanted}"
            print("equal")
        """

    private func writeNetwork(_ lab: Laboratory) throws {
        try Self.network.write(
            toFile: lab.path("network.py"),
            atomically: true,
            encoding: .utf8
        )
    }

    private func importNetwork(_ lab: Laboratory) throws {
        let imported = try lab.run([
            "import", lab.path("network.py") + ":make", "--to", lab.path("model"),
        ])
        try #require(imported.status == 0, "\(imported.errors)")
    }

    @Test("they are PyTorch's, the same bits under kills, and what evaluations use")
    func likePyTorch() throws {
        let lab = try Laboratory()
        try writeNetwork(lab)
        try FileManager.default.createDirectory(
            atPath: lab.path("columns"),
            withIntermediateDirectories: true
        )
        let script = [lab.path("network.py"), lab.folder]
        let written = PythonTools.run(script + ["-", "0", "0"], [:])
        try #require(written.status == 0, "\(written.output)")
        try importNetwork(lab)
        try """
        model: {import: model}
        data: {columns: columns, validation: columns}
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
        let samples = SampleOrder(seed: 5, sampleCount: 20)
        let order = (0..<24).map { String(samples.sampleIndex(position: $0)) }
        let compared = PythonTools.run(
            script + [
                lab.path("out/model.safetensors"), order.joined(separator: ","), "\(loss)",
            ],
            [:]
        )
        #expect(compared.status == 0 && compared.output.contains("equal"), "\(compared.output)")
    }

    @Test("a sample of the validation data that cannot be computed is told with its layer")
    func badLabel() throws {
        let lab = try Laboratory()
        try writeNetwork(lab)
        let made = PythonTools.run([
            "-c",
            """
            import os, sys
            import numpy as np
            sys.path.insert(0, sys.argv[1])
            import network
            for name, value in network.data().items():
                for folder, last in (("columns", 4), ("wrong", 77)):
                    os.makedirs(f"{sys.argv[1]}/{folder}", exist_ok=True)
                    found = value.numpy().copy()
                    if name == "labels": found[5] = last
                    np.save(f"{sys.argv[1]}/{folder}/{name}.npy", found)
            """, lab.folder,
        ])
        try #require(made.status == 0, "\(made.output)")
        try importNetwork(lab)
        try """
        model: {import: model}
        data: {columns: columns, validation: wrong}
        training: {steps: 3, seed: 5, global_batch: 8, microbatch: 4}
        cluster: {nodes: 2, fault_tolerance: 1}
        """.write(toFile: lab.path("job.yaml"), atomically: true, encoding: .utf8)
        let run = try lab.run(["train", lab.path("job.yaml"), "--run-dir", lab.path("run")])
        #expect(run.status == 65)
        #expect(run.errors.contains("the evaluation after step 0: layer 3 (head) cannot be"))
        #expect(run.errors.contains("77"))
    }
}
