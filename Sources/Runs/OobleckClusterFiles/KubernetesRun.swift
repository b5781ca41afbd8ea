import OobleckCore

/// A run under Kubernetes: what its manifests say.
///
/// A job of one pod has the coordinator, an indexed job a pod for each node. Both are done when the run is
/// finished; a pod that is lost is replaced. All pods share one volume, which has the run's directory
/// and the data.
package struct KubernetesRun: Sendable {
    /// Name of the run and prefix of its objects: a DNS label.
    package var name: String
    package var namespace: String?
    /// Image with the programs.
    package var image: String
    /// Text of the job file.
    package var jobText: String
    /// Text of a profile; `nil` has the coordinator measure one.
    package var profileText: String?
    /// What admits to the run.
    package var token: RunToken
    /// Nodes to train with.
    package var nodes: Int
    /// Node losses that the run survives: as many pods may be evicted at once.
    package var faultTolerance: Int
    /// Claim of the volume that all pods share (ReadWriteMany).
    package var claim: String
    /// Where pods see that volume.
    package var mountPath = defaultMountPath
    /// Of each node: cores or parts of them, as `2` or `500m`.
    package var cpu = "1"
    /// Of each node, as `4Gi`.
    package var memory = "4Gi"
    /// GPUs of each node.
    package var gpus = 0
    /// Keys of the job with other values, as `oobleck train --set` takes them.
    package var settings: [String] = []
    /// Whether nodes may share a machine, as in a cluster for tests.
    package var sharesMachine = false

    package static let defaultMountPath = "/oobleck"
    package static let port = 4711
    /// The longest name that leaves room for what is added to it.
    private static let longestName = 40
    private static let mostNodes = 5000
    /// What a ConfigMap may hold, and some room.
    private static let mostBytes = 900_000

    package init(
        name: String,
        image: String,
        jobText: String,
        token: RunToken,
        nodes: Int,
        faultTolerance: Int,
        claim: String
    ) {
        self.name = name
        self.image = image
        self.jobText = jobText
        self.token = token
        self.nodes = nodes
        self.faultTolerance = faultTolerance
        self.claim = claim
    }

    /// The run's directory, as pods see it.
    package var runPath: String { "\(mountPath)/runs/\(name)" }

    /// A name of objects made of any text.
    package static func name(from text: String) -> String {
        let plain = text.lowercased().map { character -> Character in
            character.isASCII && (character.isLetter || character.isNumber) ? character : "-"
        }
        let trimmed = plain.prefix(longestName).drop { $0 == "-" }
        return String(trimmed.reversed().drop { $0 == "-" }.reversed())
    }

    /// Throws `.usage` with one line when something makes no sense.
    package func validate() throws {
        try Self.requireLabel("--name", name, longest: Self.longestName)
        try Self.requireLabel("--claim", claim, longest: 63)
        if let namespace { try Self.requireLabel("--namespace", namespace, longest: 63) }
        guard (1...Self.mostNodes).contains(nodes) else {
            throw OobleckError(
                .usage,
                "--nodes is \(nodes); it must be from 1 to \(Self.mostNodes)"
            )
        }
        let isImage = image.allSatisfy { $0.isASCII && !$0.isWhitespace && !"\"'\\".contains($0) }
        guard isImage, !image.isEmpty else {
            throw OobleckError(
                .usage,
                "--image is \"\(image)\"; it must be an image's name, as registry/oobleck:tag"
            )
        }
        try Self.requireQuantity("--cpu", cpu, units: ["", "m"])
        try Self.requireQuantity("--memory", memory, units: ["", "M", "G", "T", "Mi", "Gi", "Ti"])
        let isPlain = mountPath.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0))
        }
        guard isPlain, mountPath.hasPrefix("/"), mountPath.utf8.count > 1, !mountPath.hasSuffix("/")
        else {
            throw OobleckError(
                .usage,
                "--mount is \"\(mountPath)\"; it must be an absolute path of letters, digits and ._-"
            )
        }
        let bytes = jobText.utf8.count + (profileText?.utf8.count ?? 0)
        guard bytes <= Self.mostBytes else {
            throw OobleckError(
                .usage,
                "job and profile have \(bytes) bytes; a ConfigMap takes \(Self.mostBytes) at most"
            )
        }
    }

    /// Throws `.inputData` with one line when pods do not see a file that the job names.
    package func requireVisible(_ paths: [(key: String, path: String)]) throws {
        for (key, path) in paths where !path.hasPrefix(mountPath + "/") {
            throw OobleckError(
                .inputData,
                "\(key) is \(path), which pods do not see; they see the volume of --claim at "
                    + "\(mountPath): name an absolute path below it"
            )
        }
    }

    private static func requireLabel(_ option: String, _ text: String, longest: Int) throws {
        func isPlain(_ character: Character) -> Bool {
            "a"..."z" ~= character || "0"..."9" ~= character
        }
        let isLabel =
            text.allSatisfy { isPlain($0) || $0 == "-" } && text.first.map(isPlain) == true
            && text.last.map(isPlain) == true
        guard isLabel, text.utf8.count <= longest else {
            throw OobleckError(
                .usage,
                "\(option) is \"\(text)\"; it must be 1 to \(longest) lower-case letters, digits and "
                    + "hyphens, and begin and end with a letter or digit"
            )
        }
    }

    private static func requireQuantity(
        _ option: String,
        _ text: String,
        units: [String]
    ) throws {
        let digits = text.prefix { "0"..."9" ~= $0 }
        let isPositive = (1...9).contains(digits.count) && digits.contains { $0 != "0" }
        guard isPositive, units.contains(String(text.dropFirst(digits.count))) else {
            let known = units.filter { !$0.isEmpty }.joined(separator: ", ")
            throw OobleckError(
                .usage,
                "\(option) is \"\(text)\"; it must be a positive whole number, alone or with \(known)"
            )
        }
    }
}
