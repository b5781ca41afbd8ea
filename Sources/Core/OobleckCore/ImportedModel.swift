/// A model that `oobleck import` wrote into a folder, as a job carries it.
package struct ImportedModel: Hashable, Sendable, Codable {
    /// The folder, on every node.
    package var path: String
    /// SHA-256 of its `manifest.json`, hexadecimal.
    package var sha256: String
    package var manifest: ImportManifest

    package init(path: String, sha256: String, manifest: ImportManifest) {
        self.path = path
        self.sha256 = sha256
        self.manifest = manifest
    }
}

/// What an imported model consists of (`manifest.json`).
package struct ImportManifest: Hashable, Sendable, Codable {
    package static let formatVersion = 1

    package var version: Int
    /// The libtorch that the graphs are made for, as `2.13.0`.
    package var torch: String
    /// The `transformers` package that it came from; `nil` is another source.
    package var transformers: String?
    package var name: String
    /// Samples of one microbatch; the graphs' shapes are made for it.
    package var microbatch: Int
    /// Tokens of one sample; `nil` where a sample is no text.
    package var sequence: Int?
    package var vocabulary: Int?
    /// Token id that stands for a hidden token, in models that guess hidden ones.
    package var maskToken: Int?
    /// All that the layers take of a microbatch.
    package var batch: [BatchTensor]
    package var layers: [Layer]
    package var tied: [Tied]
    package var loss: Loss
    /// Names of the constants that are parameters which the model's own code keeps as they are.
    package var frozen: [String]?
    /// How many microbatches each norm with running statistics has seen before, by the counter's name.
    package var counters: [String: Int]?
    /// SHA-256 of each file of the folder that training reads, hexadecimal, by name.
    package var files: [String: String]

    private enum CodingKeys: String, CodingKey {
        case version
        case torch
        case transformers
        case name
        case microbatch
        case sequence
        case vocabulary
        case maskToken = "mask_token"
        case batch
        case layers
        case tied
        case loss
        case frozen
        case counters
        case files
    }

    /// A tensor of the microbatch, and where its values come from.
    package struct BatchTensor: Hashable, Sendable, Codable {
        package enum Role: String, Hashable, Sendable, Codable, CaseIterable {
            /// The token ids of the sample.
            case tokens
            /// The token ids one position on.
            case nextTokens = "next_tokens"
            /// The token ids, some of them hidden.
            case maskedTokens = "masked_tokens"
            /// The ids that ``maskedTokens`` hides, and -100 elsewhere.
            case maskTargets = "mask_targets"
            case ones
            /// A column of the job's data.
            case column
        }

        package var name: String
        package var shape: [Int]
        package var kind: ElementKind
        package var role: Role
        /// The column that it is, where it has another name.
        package var column: String?

        package init(_ name: String, _ shape: [Int], _ kind: ElementKind, _ role: Role) {
            self.name = name
            self.shape = shape
            self.kind = kind
            self.role = role
        }

        private enum CodingKeys: String, CodingKey {
            case name
            case shape
            case kind = "dtype"
            case role
            case column
        }
    }

    /// One layer: a graph with its parameters and constants.
    package struct Layer: Hashable, Sendable, Codable {
        package var name: String
        /// Floating-point operations of its forward pass for one microbatch; `nil` where they are not known.
        package var operations: Int?
        /// File of the graph.
        package var graph: String
        /// File of the parameters' values; `nil` where they follow from the seed.
        package var weights: String?
        package var parameters: [Parameter]
        package var constants: [TensorDescription]
        /// Names of what it takes of the microbatch.
        package var batch: [String]
        /// What the layer before sends.
        package var receives: [TensorDescription]
        /// What it sends to the next; of the last layer: the loss, the count and further outputs.
        package var sends: [TensorDescription]

        /// Its running statistics; what a microbatch has of each follows what the graph sends.
        package var statistics: [Parameter] { parameters.filter { $0.momentum != nil } }
    }

    /// A parameter and how it starts.
    package struct Parameter: Hashable, Sendable, Codable {
        package var name: String
        package var shape: [Int]
        package var kind: ElementKind
        package var initial: InitialValue
        /// How much each microbatch moves a running statistic towards its own value; `nil` for a parameter.
        ///
        /// Statistics stand behind the parameters.
        package var momentum: Double?

        private enum CodingKeys: String, CodingKey {
            case name
            case shape
            case kind = "dtype"
            case initial
            case momentum
        }
    }

    /// A parameter that several layers use: `[name, [layer, ...]]`.
    package struct Tied: Hashable, Sendable {
        package var name: String
        package var layers: [Int]
    }

    /// How the last layer gives the loss.
    package struct Loss: Hashable, Sendable, Codable {
        package var layer: Int
        /// Whether it is a sum over targets.
        package var sum: Bool
        /// Whether the number of targets that count comes with it.
        package var count: Bool
        /// Targets of one microbatch at most; `nil` where the model counts them by itself.
        package var targets: Int?
    }
}

extension ImportManifest.Tied: Codable {
    package init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        name = try list.decode(String.self)
        layers = try list.decode([Int].self)
    }

    package func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        try list.encode(name)
        try list.encode(layers)
    }
}
