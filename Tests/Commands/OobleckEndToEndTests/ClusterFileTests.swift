import Foundation
import OobleckCore
import OobleckTestSupport
import Testing

@Suite("Batch files and manifests", .timeLimit(.minutes(10)))
struct ClusterFileTests {
    @Test("batch files are written, are shell, and are not submitted where there is no Slurm")
    func slurm() throws {
        let laboratory = try Laboratory()
        let written = try laboratory.run(
            slurm(laboratory, "job", ["--nodes", "6", "--time", "1:00:00"])
        )
        try #require(written.status == 0, "\(written.errors)")
        let folder = laboratory.path("runs/job.slurm")
        for name in ["job.sbatch", "node.sh", "replacement.sbatch"] {
            let check = Process()
            check.executableURL = URL(fileURLWithPath: "/bin/bash")
            check.arguments = ["-n", folder + "/" + name]
            try check.run()
            check.waitUntilExit()
            #expect(check.terminationStatus == 0, "\(name)")
        }
        let submitted = try laboratory.start(
            slurm(laboratory, "job", ["--submit"]),
            environment: ["PATH": laboratory.folder]
        )
        .wait(deadline: 30)
        #expect(submitted.status == 64)
        #expect(submitted.errors.contains("sbatch is not on the PATH"))
        let dry = try laboratory.run(slurm(laboratory, "dry", ["--dry-run"]))
        #expect(dry.output.contains("#SBATCH --no-kill"))
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("runs/dry.slurm")))
    }

    private func slurm(
        _ laboratory: Laboratory,
        _ run: String,
        _ options: [String]
    ) -> [String] {
        let run = laboratory.path("runs/" + run)
        return ["slurm", laboratory.path("job.yaml"), "--run-dir", run] + options
    }

    @Test(
        "requests that make no sense are one line and status 64 or 65",
        arguments: [
            (["slurm", "job.yaml", "--nodes", "0"], "--nodes is 0"),
            (["slurm", "job.yaml", "--time", "8h"], "--time is \"8h\""),
            (["slurm", "job.yaml", "--time", "1"], "--time is 1"),
            (["slurm", "missing.yaml"], "missing.yaml"),
            (["slurm", "job.yaml", "--set", "cluster.nodez=3"], "nodez"),
            (["kubernetes", "job.yaml", "--claim", "c", "--nodes", "0"], "--nodes is 0"),
            (["kubernetes", "job.yaml", "--claim", "c"], "which pods do not see"),
            (["kubernetes", "missing.yaml", "--claim", "c"], "missing.yaml"),
            (["kubernetes", "job.yaml"], "--claim"),
        ]
    )
    func refusals(arguments: [String], text: String) throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.run(
            arguments.map { $0.hasSuffix(".yaml") ? laboratory.path($0) : $0 }
        )
        #expect([64, 65].contains(outcome.status), "\(outcome.status)")
        #expect(outcome.errors.contains(text), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }

    @Test("manifests are the same each time, since the token is; the file is its owner's alone")
    func kubernetes() throws {
        let laboratory = try Laboratory()
        try laboratory.edit { $0.replacing("corpus.txt", with: "/oobleck/corpus.txt") }
        let base = ["kubernetes", laboratory.path("job.yaml"), "--claim", "shared"]
        let arguments = base + ["--token-file", laboratory.path("job.token")]
        let written = try laboratory.run(arguments + ["--output", laboratory.path("run.yaml")])
        try #require(written.status == 0, "\(written.errors)")
        let printed = try laboratory.run(arguments)
        let text = try String(contentsOfFile: laboratory.path("run.yaml"), encoding: .utf8)
        #expect(printed.output.hasPrefix(text) && !text.isEmpty)
        for name in ["run.yaml", "job.token"] {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: laboratory.path(name)
            )
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        let dry = try laboratory.run(
            base + ["--token-file", laboratory.path("other"), "--dry-run"]
        )
        #expect(dry.status == 0 && dry.output.contains("token: \"the-run-token\""))
        #expect(!FileManager.default.fileExists(atPath: laboratory.path("other")))
    }

    /// Whether the laboratory of `Scripts/labs/slurm-cluster.sh` can run here.
    private static let hasSlurm: Bool = {
        let programs = ["sbin/slurmctld", "sbin/slurmd", "sbin/munged", "bin/sbatch"]
        let areThere = programs.allSatisfy {
            FileManager.default.isExecutableFile(atPath: "/usr/" + $0)
        }
        guard getuid() == 0, areThere else { return false }
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        probe.arguments = ["--net", "--pid", "--mount", "--uts", "--fork", "true"]
        do { try probe.run() } catch { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    @Test(
        "under a real Slurm, a run survives preemption and the loss of its batch host",
        .enabled(
            if: hasSlurm,
            "needs root, namespaces and Slurm (slurmctld, slurmd, slurm-client, munge): make test installs it"
        )
    )
    func slurmLab() throws {
        let laboratory = try Laboratory()
        let script = try Running(
            Checkout.path + "/Scripts/labs/test-slurm.sh",
            [Laboratory.programs + "/oobleck", "preempted", "batch_host"],
            folder: laboratory.folder
        )
        let outcome = try script.wait(deadline: 480)
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
    }
}
