import Foundation
import OobleckClusterFiles
import OobleckCore
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct KubernetesTests {
    private static let token = RunToken(stringLiteral: String(repeating: "ab", count: 32))

    private static func run() -> KubernetesRun {
        KubernetesRun(
            name: "tiny",
            image: "localhost/oobleck:1",
            jobText:
                "data: {corpus: /oobleck/text.txt}\n\n  # A comment: \"quoted\"\ncluster: {nodes: 4}\n",
            token: token,
            nodes: 4,
            faultTolerance: 1,
            claim: "shared"
        )
    }

    /// The documents, each as its text below `kind`.
    private static func documents(_ run: KubernetesRun) -> [String: String] {
        let texts = run.manifests.components(separatedBy: "---\n").filter { !$0.isEmpty }
        let named = texts.map { text -> (String, String) in
            func value(_ key: String) -> String {
                let line = text.split(separator: "\n").first { $0.contains(key) } ?? ""
                let value = line.replacing(key, with: "").replacing("\"", with: "")
                return value.trimmingCharacters(in: .whitespaces)
            }
            return (value("kind: ") + "/" + value("  name: "), text)
        }
        return Dictionary(uniqueKeysWithValues: named)
    }

    @Test("a run has a secret, a job file, names, a wall, a budget, a coordinator and its nodes")
    func documents() {
        let expected = [
            "Secret/tiny-token", "ConfigMap/tiny-job", "Service/tiny-coordinator",
            "NetworkPolicy/tiny", "PodDisruptionBudget/tiny-agents", "Job/tiny-coordinator",
            "Job/tiny-agents",
        ]
        #expect(Set(Self.documents(Self.run()).keys) == Set(expected))
        #expect(Self.run().manifests == Self.run().manifests)
    }

    @Test("pods have no token of an account, no rights, no writable root, and bounded resources")
    func pods() throws {
        for name in ["Job/tiny-coordinator", "Job/tiny-agents"] {
            let text = try #require(Self.documents(Self.run())[name])
            for line in [
                "automountServiceAccountToken: false", "enableServiceLinks: false",
                "runAsNonRoot: true", "allowPrivilegeEscalation: false",
                "readOnlyRootFilesystem: true", "drop: [ALL]", "type: RuntimeDefault",
                "restartPolicy: Never", "key: node.kubernetes.io/unreachable",
                "tolerationSeconds: 5", "requests:", "limits:", "claimName: \"shared\"",
            ] {
                #expect(text.contains(line), "\(name): \(line)")
            }
            #expect(!text.contains(Self.token.secret))
        }
    }

    private static let validator = Checkout.path + "/.venv/bin/kubernetes-validate"

    @Test(
        "Kubernetes' own schemas accept the manifests, and no field is unknown to them",
        .enabled(
            if: FileManager.default.fileExists(atPath: validator),
            "needs kubernetes-validate: make test installs it"
        ),
        arguments: ["1.29", "1.32", "1.35", "1.37"]
    )
    func schemas(version: String) throws {
        var run = Self.run()
        // A name that YAML would take for a number, and all that is optional.
        (run.name, run.namespace, run.gpus) = ("1e3", "true", 1)
        run.profileText = "{\"version\": 1}"
        run.settings = ["model.name=\"a: b\""]
        let folder = try TemporaryFolder()
        for (name, run) in [("plain", Self.run()), ("full", run)] {
            try run.validate()
            let path = folder.path + "/\(name).yaml"
            try run.manifests.write(toFile: path, atomically: true, encoding: .utf8)
            let result = PythonTools.run([Self.validator, "--strict", "-k", version, path])
            #expect(result.status == 0, "\(result.output)")
            #expect(result.output.components(separatedBy: "passed for resource").count == 8)
        }
    }

    @Test(
        "the job file is in the manifests as it is, whatever its text",
        arguments: [
            "a: 1\n", "a: 1", "  a: 1\n\n\n", "a: \"\\u00e9\"\r\n\tb: 'c'\n", "",
            "---\na: |\n  x\n",
        ]
    )
    func jobText(text: String) throws {
        try #require(PythonTools.run(["-c", "import yaml"]).status == 0)
        var run = Self.run()
        run.jobText = text
        let folder = try TemporaryFolder()
        try run.manifests.write(
            toFile: folder.path + "/m.yaml",
            atomically: true,
            encoding: .utf8
        )
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/job.yaml"))
        let script = """
            import sys, yaml
            all = list(yaml.safe_load_all(open(sys.argv[1])))
            job = next(one["data"]["job.yaml"] for one in all if one["kind"] == "ConfigMap")
            sys.exit(job.encode() != open(sys.argv[2], "rb").read())
            """
        let result = PythonTools.run([
            "-c", script, folder.path + "/m.yaml", folder.path + "/job.yaml",
        ])
        #expect(result.status == 0, "\(result.output)")
    }

    @Test("as many nodes may be evicted at once as the run survives the loss of", arguments: 0...3)
    func budget(faultTolerance: Int) throws {
        var run = Self.run()
        run.faultTolerance = faultTolerance
        let text = try #require(Self.documents(run)["PodDisruptionBudget/tiny-agents"])
        #expect(text.contains("minAvailable: \(4 - max(1, faultTolerance))"))
    }

    @Test("GPUs are the nodes', and nodes have machines of their own unless they may share one")
    func resources() throws {
        var run = Self.run()
        run.gpus = 1
        let agents = try #require(Self.documents(run)["Job/tiny-agents"])
        #expect(agents.contains("nvidia.com/gpu: 1"))
        #expect(agents.contains("topologyKey: kubernetes.io/hostname"))
        #expect(agents.contains("completions: 4") && agents.contains("parallelism: 4"))
        let coordinator = try #require(Self.documents(run)["Job/tiny-coordinator"])
        #expect(!coordinator.contains("nvidia.com/gpu") && !coordinator.contains("affinity"))
        run.sharesMachine = true
        let sharing = try #require(Self.documents(run)["Job/tiny-agents"])
        #expect(!sharing.contains("affinity") && sharing.contains("--shares-machine"))
    }

    @Test("names of objects are made of any text")
    func names() {
        #expect(KubernetesRun.name(from: "My_Job v2") == "my-job-v2")
        #expect(KubernetesRun.name(from: "--x--") == "x")
        #expect(KubernetesRun.name(from: String(repeating: "a", count: 80)).count == 40)
        #expect(KubernetesRun.name(from: "ü!") == "")
    }

    @Test("requests that make no sense are refused in one line that names the option")
    func refusals() {
        func message(_ change: (inout KubernetesRun) -> Void) -> String {
            var run = Self.run()
            change(&run)
            do {
                try run.validate()
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(message { _ in } == "accepted")
        #expect(message { $0.nodes = 0 }.contains("--nodes is 0"))
        #expect(message { $0.name = "" }.contains("--name is \"\""))
        #expect(message { $0.name = "Tiny" }.contains("--name is \"Tiny\""))
        #expect(message { $0.claim = "a b" }.contains("--claim is \"a b\""))
        #expect(message { $0.namespace = "-a" }.contains("--namespace is \"-a\""))
        #expect(message { $0.image = "a\nb" }.contains("--image"))
        #expect(message { $0.cpu = "0" }.contains("--cpu is \"0\""))
        #expect(message { $0.cpu = "two" }.contains("--cpu is \"two\""))
        #expect(message { $0.memory = "4GB" }.contains("--memory is \"4GB\""))
        #expect(message { $0.memory = "Gi" }.contains("--memory is \"Gi\""))
        #expect(message { $0.mountPath = "data" }.contains("--mount is \"data\""))
        #expect(message { $0.jobText = String(repeating: "#", count: 1_000_000) }.contains("bytes"))
    }

    @Test("a file of the job that pods do not see is named with its key")
    func visible() throws {
        try Self.run().requireVisible([("data.corpus", "/oobleck/text.txt")])
        #expect {
            try Self.run().requireVisible([("data.corpus", "/home/me/text.txt")])
        } throws: { error in
            "\(error)".contains("data.corpus is /home/me/text.txt, which pods do not see")
        }
    }
}
