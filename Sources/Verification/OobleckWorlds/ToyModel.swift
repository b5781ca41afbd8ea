import OobleckCoordination
import OobleckCore
import OobleckReconfiguration

/// A model whose state is one number a layer: what a worker computes from it can be checked against
/// a plain loop.
package struct ToyModel {
    package static let layerCount = 6
    package let microbatches = 8
    package let gradientClip = 1.5

    package init() {}

    /// The state of a layer before the first step.
    package static func initialState(_ layer: Int) -> UInt64 { scramble(UInt64(layer + 1)) }

    /// Squared norm of the layer's gradient.
    package static func squaredNorm(_ state: UInt64) -> Double {
        Double(scramble(state) % 1000) / 1000
    }

    /// Loss of a microbatch, seen by whoever holds the last layer.
    package static func loss(_ state: UInt64, microbatch: Int) -> Double {
        Double(scramble(state &+ UInt64(microbatch)) % 997) / 100
    }

    /// Loss of a microbatch of the validation data, of which there are as many as in a step.
    package static func validationLoss(_ state: UInt64, microbatch: Int) -> Double {
        loss(state &+ 0x5EED, microbatch: microbatch)
    }

    /// The state after a step.
    package static func applied(_ state: UInt64, coefficient: Double) -> UInt64 {
        scramble(state ^ coefficient.bitPattern)
    }

    /// States before each step and after the last, losses and norms: the undisturbed run, which
    /// leaves out the updates of steps with wrong numbers.
    package func reference(
        steps: Int,
        wrongNumbers: [Int: WrongNumbers] = [:]
    ) -> (states: [[UInt64]], losses: [Double], norms: [Double]) {
        var states = [(0..<Self.layerCount).map(Self.initialState)]
        var losses: [Double] = []
        var norms: [Double] = []
        for step in 0..<steps {
            let now = states[states.count - 1]
            let wrong = wrongNumbers[step]
            var squares = now.map(Self.squaredNorm)
            if let layer = wrong?.spoiledNorm { squares[layer] = .infinity }
            let norm = squares.reduce(0, +).squareRoot()
            let last = now[Self.layerCount - 1]
            var sum = (0..<microbatches).map { Self.loss(last, microbatch: $0) }.reduce(0, +)
            if wrong?.spoilsLoss == true { sum = .nan }
            let coefficient = norm > gradientClip ? gradientClip / (norm + 1e-6) : 1
            losses.append(sum / Double(microbatches))
            norms.append(norm)
            let isSkipped = wrong?.skipsStep == true
            states.append(
                isSkipped ? now : now.map { Self.applied($0, coefficient: coefficient) }
            )
        }
        return (states, losses, norms)
    }

    /// Six equal layers; a node has room for three, so a pipeline has at least two nodes.
    package static let profile = ModelProfile(
        model: "toy",
        microbatchSize: 4,
        deviceMemory: 1300,
        layers: (0..<layerCount).map {
            LayerProfile(
                name: "layer\($0)",
                forward: 0.001,
                backward: 0.002,
                parameterBytes: 100,
                optimizerBytes: 200
            )
        }
    )

    package func job(
        nodes: Int,
        steps: Int,
        faultTolerance: Int = 1,
        checkpoint: CheckpointSpecification? = nil
    ) -> JobSpecification {
        JobSpecification(
            model: ModelSpecification(
                name: "toy",
                blocks: Self.layerCount - 2,
                hidden: 8,
                heads: 2,
                vocabulary: 16,
                sequenceLength: 10,
                dropout: 0
            ),
            training: TrainingSpecification(
                steps: steps,
                seed: 1,
                globalBatch: 4 * microbatches,
                microbatch: 4,
                learningRate: 0.1,
                minimumLearningRate: 0.01,
                warmupSteps: 1,
                weightDecay: 0,
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                gradientClip: gradientClip
            ),
            cluster: ClusterSpecification(
                nodes: nodes,
                faultTolerance: faultTolerance,
                deviceMemory: 1300,
                detectionBudget: 2,
                coordinatorWait: 60
            ),
            corpusPath: "corpus.txt",
            checkpoint: checkpoint
        )
    }

    /// A coordinator that goes on from what an earlier one kept.
    package func resumed(
        _ state: DurableState,
        nodes: Int = 4,
        devicesPerNode: Int = 1,
        steps: Int,
        checkpoint: CheckpointSpecification? = nil
    ) throws -> Coordinator {
        var job = job(nodes: nodes, steps: steps, checkpoint: checkpoint)
        if devicesPerNode > 1 { job.cluster.devicesPerNode = devicesPerNode }
        return try Coordinator(
            restoring: state,
            job: job,
            profile: Self.profile,
            reconfigurator: try Reconfigurator(
                profile: Self.profile,
                costModel: .sosp23,
                faultTolerance: 1,
                microbatches: microbatches,
                devicesPerNode: devicesPerNode,
                sharesStages: false
            )
        )
    }

    package func coordinator(
        nodes: Int,
        devicesPerNode: Int = 1,
        steps: Int,
        faultTolerance: Int = 1,
        checkpoint: CheckpointSpecification? = nil,
        startingFrom point: RestorePoint? = nil,
        committed: Int = 0
    ) throws -> Coordinator {
        let reconfigurator = try Reconfigurator(
            profile: Self.profile,
            costModel: .sosp23,
            faultTolerance: faultTolerance,
            microbatches: microbatches,
            devicesPerNode: devicesPerNode,
            sharesStages: false
        )
        var job = job(
            nodes: nodes,
            steps: steps,
            faultTolerance: faultTolerance,
            checkpoint: checkpoint
        )
        if devicesPerNode > 1 { job.cluster.devicesPerNode = devicesPerNode }
        return Coordinator(
            job: job,
            profile: Self.profile,
            reconfigurator: reconfigurator,
            startingFrom: point,
            committed: committed
        )
    }
}
