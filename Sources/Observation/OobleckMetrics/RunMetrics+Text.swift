import OobleckCore
import OobleckRunFiles

/// The numbers as Prometheus reads them.
extension RunMetrics {
    /// The whole answer to a scrape.
    package var text: String {
        var text = PrometheusText()
        text.begin("oobleck_build_info", .gauge, "The version of the program; always 1.")
        text.sample("oobleck_build_info", [("version", programVersion)], 1)
        text.begin("oobleck_run_info", .gauge, "The run and its model; always 1.")
        text.sample("oobleck_run_info", [("run", run), ("model", job?.model.name ?? "")], 1)
        training(&text)
        failures(&text)
        if let status { state(status, &text) }
        if let last { newest(last, &text) }
        return text.text
    }

    private func counter(
        _ text: inout PrometheusText,
        _ name: String,
        _ help: String,
        _ value: Int
    ) {
        text.single("oobleck_\(name)_total", .counter, help, Double(value))
    }

    private func training(_ text: inout PrometheusText) {
        counter(&text, "steps", "Steps that were committed.", steps)
        counter(&text, "steps_skipped", "Committed steps whose update was left out.", skipped)
        counter(&text, "samples", "Samples of committed steps.", samples)
        if job?.model.sequenceLength != nil {
            counter(&text, "tokens", "Tokens of committed steps.", tokens)
        }
        let time = "Time of committed steps by use, the mean over the workers."
        text.begin("oobleck_step_part_seconds_total", .counter, time)
        for (part, value) in parts.sorted(by: { $0.key < $1.key }) {
            text.sample("oobleck_step_part_seconds_total", [("part", part)], value)
        }
        text.histogram(
            "oobleck_step_duration_seconds",
            "Time of a step, from the commit before to its own.",
            stepTimes
        )
        counter(&text, "evaluations", "Evaluations of the validation data.", evaluations)
        counter(&text, "checkpoints", "Checkpoints that were saved.", checkpoints)
        counter(&text, "checkpoint_failures", "Saves that failed.", failedCheckpoints)
        counter(&text, "checkpoint_written_bytes", "Bytes of saved checkpoints.", checkpointBytes)
    }

    private func failures(_ text: inout PrometheusText) {
        text.begin("oobleck_node_losses_total", .counter, "Nodes that were lost, by cause.")
        for (cause, count) in losses.sorted(by: { $0.key < $1.key }) {
            text.sample("oobleck_node_losses_total", [("cause", cause)], Double(count))
        }
        counter(&text, "nodes_joined", "Nodes that joined.", joined)
        counter(&text, "plans", "Plans that were made, the first included.", plans)
        counter(&text, "recoveries", "Failures that were recovered from.", recoveries)
        counter(&text, "recovery_copied_bytes", "Bytes of layers copied to recover.", copiedBytes)
        text.histogram(
            "oobleck_recovery_duration_seconds",
            "Time from the first sign of a failure to the start of the redone step.",
            recoveryTimes
        )
        counter(&text, "restores", "Returns to a checkpoint.", restores)
        counter(&text, "restored_bytes", "Bytes loaded from checkpoints.", restoredBytes)
        text.begin("oobleck_events_total", .counter, "Events of the run, by kind.")
        for (kind, count) in events.sorted(by: { $0.key < $1.key }) {
            text.sample("oobleck_events_total", [("kind", kind)], Double(count))
        }
        counter(&text, "observer_dropped", "Updates that came too fast.", droppedUpdates)
    }

    private func state(_ status: RunStatus, _ text: inout PrometheusText) {
        func gauge(_ name: String, _ help: String, _ value: Int?) {
            if let value { text.single("oobleck_\(name)", .gauge, help, Double(value)) }
        }
        gauge("step", "Steps that are committed.", status.step)
        gauge("run_steps", "Steps that the run is to train.", status.steps)
        gauge("generation", "Number of the newest plan.", status.generation.rawValue)
        gauge("pipelines", "Pipelines of the plan.", status.pipelines)
        gauge("checkpoint_step", "Steps in the newest checkpoint.", status.checkpointStep)
        text.begin("oobleck_nodes", .gauge, "Nodes by state.")
        let states = Dictionary(grouping: status.nodes, by: \.state).mapValues(\.count)
        // A state without nodes is told too, so that its curve falls to zero.
        for state in NodeStatus.State.allCases {
            let labels = [("state", state.rawValue)]
            text.sample("oobleck_nodes", labels, Double(states[state] ?? 0))
        }
        text.begin("oobleck_phase", .gauge, "What the run is doing: 1 for the present phase.")
        for phase in RunStatus.Phase.allCases {
            let labels = [("phase", phase.rawValue)]
            text.sample("oobleck_phase", labels, phase == status.phase ? 1 : 0)
        }
    }

    private func newest(_ line: MetricsLine, _ text: inout PrometheusText) {
        let values: [(name: String, help: String, value: Double?)] = [
            ("loss", "Mean loss of the newest step.", line.loss),
            ("validation_loss", "Loss on the validation data.", validationLoss),
            ("learning_rate", "Learning rate of the newest step.", line.learningRate),
            ("gradient_norm", "Global norm of the newest gradient.", line.gradientNorm),
            (
                "idle_ratio", "Share of worker time in the newest step that was not computation.",
                line.idleShare
            ),
            (
                "model_flops_utilization_ratio",
                "Operations of the model in the newest step, as a share of the devices' peak.",
                line.utilization
            ),
            (
                "step_commit_seconds", "Vote and commit of the newest step, on the slowest worker.",
                line.commit?.value
            ),
            (
                "worker_memory_bytes", "The most memory that a worker has had.",
                line.memory.map { Double($0.value) }
            ),
        ]
        for case (let name, let help, let value?) in values {
            text.single("oobleck_\(name)", .gauge, help, value)
        }
    }
}
