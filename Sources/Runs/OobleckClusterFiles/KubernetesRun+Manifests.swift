import OobleckCore

/// The manifests.
extension KubernetesRun {
    /// All of them, as one stream of YAML documents.
    package var manifests: String {
        let documents = [
            secret, configuration, service, networkPolicy, disruptionBudget, coordinator, agents,
        ]
        return documents.map { "---\n\($0)\n" }.joined()
    }

    // MARK: Parts of documents

    private func metadata(_ suffix: String, _ component: String? = nil) -> String {
        var lines = ["metadata:", "  name: \(quoted(name + suffix))"]
        if let namespace { lines.append("  namespace: \(quoted(namespace))") }
        return (lines + ["  labels:"] + labels(component, indentation: 4)).joined(separator: "\n")
    }

    private func labels(_ component: String?, indentation: Int) -> [String] {
        var lines = [
            "app.kubernetes.io/name: oobleck", "app.kubernetes.io/instance: \(quoted(name))",
        ]
        if let component { lines.append("app.kubernetes.io/component: \(component)") }
        return lines.map { String(repeating: " ", count: indentation) + $0 }
    }

    private func selector(_ component: String?, indentation: Int) -> String {
        labels(component, indentation: indentation).joined(separator: "\n")
    }

    /// A text as the value of a key that is indented by two spaces.
    private func block(_ text: String) -> String {
        // The indentation is stated: the text may begin with spaces.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 32 || $0 == "\n" }
        guard isPlain, text.hasSuffix("\n"), !text.hasSuffix("\n\n") else { return quoted(text) }
        let body = lines.dropLast().map { $0.isEmpty ? "" : "    \($0)" }
        return "|2\n" + body.joined(separator: "\n")
    }

    /// A text in double quotes, as JSON and YAML have it.
    private func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"", "\\": return "\\\(scalar)"
            case "\n": return "\\n"
            case "\r": return "\\r"
            case "\t": return "\\t"
            case _ where scalar.value < 32 || scalar.value == 127:
                let digits = String(scalar.value, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: return String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }

    // MARK: Documents

    private var secret: String {
        """
        # What admits to the run: keep it secret, and the same for the life of the run.
        apiVersion: v1
        kind: Secret
        \(metadata("-token"))
        type: Opaque
        stringData:
          token: \(quoted(token.secret))
        """
    }

    private var configuration: String {
        var text = """
            apiVersion: v1
            kind: ConfigMap
            \(metadata("-job"))
            data:
              job.yaml: \(block(jobText))
            """
        if let profileText { text += "\n  profile.json: \(block(profileText))" }
        return text
    }

    private var service: String {
        """
        # The name at which pods and people of the cluster reach the coordinator.
        apiVersion: v1
        kind: Service
        \(metadata("-coordinator"))
        spec:
          clusterIP: None
          publishNotReadyAddresses: true
          selector:
        \(selector("coordinator", indentation: 4))
          ports:
          - name: control
            port: \(Self.port)
            protocol: TCP
        """
    }

    private var networkPolicy: String {
        """
        # Traffic of tensors is neither encrypted nor authenticated: only pods of the run may reach each other.
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        \(metadata(""))
        spec:
          podSelector:
            matchLabels:
        \(selector(nil, indentation: 6))
          policyTypes: [Ingress]
          ingress:
          - from:
            - podSelector:
                matchLabels:
        \(selector(nil, indentation: 10))
        """
    }

    private var disruptionBudget: String {
        """
        # Drains of machines evict at most as many nodes at once as the run survives the loss of.
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        \(metadata("-agents", "agent"))
        spec:
          minAvailable: \(max(0, nodes - max(1, faultTolerance)))
          selector:
            matchLabels:
        \(selector("agent", indentation: 6))
        """
    }

    private var coordinator: String {
        var arguments = [
            "train", "/etc/oobleck/job/job.yaml", "--continue", "--run-dir", runPath, "--nodes",
            "\(nodes)", "--start-nodes", "0", "--listen", "$(POD_IP)", "--port", "\(Self.port)",
            "--token-file", "/etc/oobleck/token/token",
        ]
        if profileText != nil { arguments += ["--profile", "/etc/oobleck/job/profile.json"] }
        for setting in settings { arguments += ["--set", setting] }
        return """
            apiVersion: batch/v1
            kind: Job
            \(metadata("-coordinator", "coordinator"))
            spec:
              completions: 1
              parallelism: 1
              backoffLimit: 100
              template:
            \(pod("coordinator", "oobleck", arguments, resources: resources(cpu: cpu, memory: memory)))
            """
    }

    private var agents: String {
        let arguments =
            [
                "agent", "--run-dir", runPath, "--token-file", "/etc/oobleck/token/token",
                "--listen",
                "$(POD_IP)", "--name", "$(NODE_NAME)", "--until-finished",
            ] + (sharesMachine ? ["--shares-machine"] : [])
        var resources = resources(cpu: cpu, memory: memory)
        if gpus > 0 { resources.append("nvidia.com/gpu: \(gpus)") }
        return """
            # A pod ends with status 0 only once the run is finished; any other is replaced.
            apiVersion: batch/v1
            kind: Job
            \(metadata("-agents", "agent"))
            spec:
              completionMode: Indexed
              completions: \(nodes)
              parallelism: \(nodes)
              backoffLimit: 100000
              template:
            \(pod("agent", "oobleck", arguments, resources: resources))
            """
    }

    private func resources(cpu: String, memory: String) -> [String] {
        ["cpu: \(quoted(cpu))", "memory: \(quoted(memory))"]
    }

    // MARK: Pods

    private func pod(
        _ component: String,
        _ program: String,
        _ arguments: [String],
        resources: [String]
    ) -> String {
        let spread = component == "agent" && !sharesMachine ? affinity : ""
        let amounts = resources.map { "              \($0)" }.joined(separator: "\n")
        return """
                metadata:
                  labels:
            \(selector(component, indentation: 8))
                spec:
                  restartPolicy: Never
                  automountServiceAccountToken: false
                  enableServiceLinks: false
                  terminationGracePeriodSeconds: 60
            \(spread)      tolerations:
                  - key: node.kubernetes.io/unreachable
                    operator: Exists
                    effect: NoExecute
                    tolerationSeconds: 5
                  - key: node.kubernetes.io/not-ready
                    operator: Exists
                    effect: NoExecute
                    tolerationSeconds: 5
                  securityContext:
                    runAsNonRoot: true
                    runAsUser: 10001
                    runAsGroup: 10001
                    fsGroup: 10001
                    fsGroupChangePolicy: OnRootMismatch
                    seccompProfile:
                      type: RuntimeDefault
                  containers:
                  - name: \(component)
                    image: \(quoted(image))
                    command: [\(quoted(program))]
                    args:
            \(arguments.map { "        - \(quoted($0))" }.joined(separator: "\n"))
                    env:
                    - name: POD_IP
                      valueFrom:
                        fieldRef:
                          fieldPath: status.podIP
                    - name: NODE_NAME
                      valueFrom:
                        fieldRef:
                          fieldPath: spec.nodeName
                    - name: HOME
                      value: /tmp
                    resources:
                      requests:
            \(amounts)
                      limits:
            \(amounts)
                    securityContext:
                      allowPrivilegeEscalation: false
                      readOnlyRootFilesystem: true
                      capabilities:
                        drop: [ALL]
                    volumeMounts:
                    - name: shared
                      mountPath: \(mountPath)
                    - name: job
                      mountPath: /etc/oobleck/job
                      readOnly: true
                    - name: token
                      mountPath: /etc/oobleck/token
                      readOnly: true
                    - name: scratch
                      mountPath: /tmp
                  volumes:
                  - name: shared
                    persistentVolumeClaim:
                      claimName: \(quoted(claim))
                  - name: job
                    configMap:
                      name: \(quoted(name + "-job"))
                  - name: token
                    secret:
                      secretName: \(quoted(name + "-token"))
                      defaultMode: 256
                  - name: scratch
                    emptyDir: {}
            """
    }

    /// A machine is what fails: no two nodes on one.
    private var affinity: String {
        """
              affinity:
                podAntiAffinity:
                  requiredDuringSchedulingIgnoredDuringExecution:
                  - topologyKey: kubernetes.io/hostname
                    labelSelector:
                      matchLabels:
        \(selector("agent", indentation: 16))

        """
    }
}
