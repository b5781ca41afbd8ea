import OobleckText

/// The batch files.
extension SlurmBatch {
    package var jobFilePath: String { folderPath + "/job.sbatch" }

    /// All files by name, with their text.
    package var files: [(name: String, text: String)] {
        var files = [("job.sbatch", jobText), ("node.sh", nodeText)]
        if replacements > 0 { files.append(("replacement.sbatch", replacementText)) }
        return files
    }

    private func directives(_ own: [String]) -> String {
        var lines = own
        if let timeLimit { lines.append("--time=\(timeLimit)") }
        if let partition { lines.append("--partition=\(partition)") }
        if let account { lines.append("--account=\(account)") }
        lines += options
        return lines.map { "#SBATCH \($0)" }.joined(separator: "\n")
    }

    /// A path in a line of sbatch, where `%` starts a pattern.
    private func logPath(_ pattern: String) -> String {
        "\"" + folderPath.replacing("%", with: "%%") + "/" + pattern + "\""
    }

    private var jobText: String {
        let train = [
            "--continue", "--run-dir \"$run\"", "--nodes \(nodes)", "--start-nodes 0",
            "--listen \"$(address)\"", "--port \(port)",
        ]
        let set = settings.map { "--set \(quoted($0))" } + sharedOptions.map(quoted)
        let lines = directives([
            "--job-name=\(name)", "--comment=\"\(runPath)\"", "--nodes=\(nodes)",
            "--ntasks-per-node=1", "--exclusive", "--mem=0", "--no-kill", "--requeue",
            "--open-mode=append", "--output=\(logPath("job.%j.log"))",
            "--signal=B:TERM@\(noticeSeconds)",
        ])
        return """
            #!/bin/bash
            # Written by oobleck slurm. Submitted again, it resumes the run, or says that it is finished.
            \(lines)
            program=\(quoted(programPath))
            job=\(quoted(jobPath))
            run=\(quoted(runPath))
            files=\(quoted(folderPath))
            \(addressText)

            # The notice before the time limit comes here, that of a preemption to node.sh.
            coordinator=
            trap '[ -z "$coordinator" ] || kill -TERM "$coordinator" 2>/dev/null' TERM
            "$program" train "$job" \((train + set).joined(separator: " ")) &
            coordinator=$!
            export OOBLECK_COORDINATOR=$coordinator OOBLECK_BATCH_NODE=$SLURMD_NODENAME
            srun --no-kill --kill-on-bad-exit=0 --wait=0 --cpu-bind=none --open-mode=append \\
                --output=\(logPath("node-%N.log")) bash "$files/node.sh" &
            nodes=$!
            \(replacements > 0 ? replaceText : "")
            \(waitText("coordinator"))
            \(replacements > 0 ? cancelText : "")
            # The nodes leave a run that has ended; the limit is for one that hangs.
            (sleep 60; kill "$nodes" 2>/dev/null) &
            wait "$nodes"

            # 75: stopped, and can be resumed. A job that is cancelled is not RUNNING any more.
            if [ "$status" = 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 1000 ] &&
                scontrol show job --oneliner "$SLURM_JOB_ID" | grep -q 'JobState=RUNNING'; then
                echo "the run is to be resumed: the job waits in the queue again"
                scontrol requeue "$SLURM_JOB_ID"
            fi
            exit "$status"

            """
    }

    private var addressText: String {
        if let interface { return "address() { echo \(quoted(interface)); }" }
        return """
            # The address by which Slurm knows this node.
            address() {
                getent ahostsv4 "$(scontrol show node --oneliner "$SLURMD_NODENAME" |
                    sed -n 's/.* NodeAddr=\\([^ ]*\\).*/\\1/p')" | awk 'NR == 1 {print $1}'
            }
            """
    }

    /// A signal ends `wait` before its process has ended.
    private func waitText(_ process: String) -> String {
        """
        status=75
        while kill -0 "$\(process)" 2>/dev/null; do wait "$\(process)"; status=$?; done
        wait "$\(process)" 2>/dev/null; late=$?
        [ "$late" = 127 ] || status=$late
        """
    }

    private var replaceText: String {
        """
        # Jobs of one node take the places of lost nodes: Slurm takes those out of this job.
        (while sleep 10; do
            here=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%D) || continue
            others=$(squeue --noheader --name=\(nodeJobName) --user="$(id -un)" --format=%i \\
                --states=PENDING,CONFIGURING,RUNNING | wc -l)
            if [ $((here + others)) -lt \(nodes) ] && [ "$others" -lt \(replacements) ]; then
                sbatch "$files/replacement.sbatch"
            fi
        done) &
        watch=$!

        """
    }

    private var cancelText: String {
        """
        kill "$watch" 2>/dev/null
        scancel --state=PENDING --name=\(nodeJobName) --user="$(id -un)"

        """
    }

    private var nodeText: String {
        let options = (sharesMachine ? ["--shares-machine"] : []) + sharedOptions.map(quoted)
        return """
            #!/bin/bash
            # Written by oobleck slurm. One node of the run: joins it, and joins again after a failure.
            program=\(quoted(programPath))
            run=\(quoted(runPath))
            \(addressText)

            # All nodes of the elastic job are asked at once: then the run is to stop as a whole.
            ending=
            agent=
            stop() {
                ending=1
                if [ "${OOBLECK_BATCH_NODE:-}" = "$SLURMD_NODENAME" ]; then
                    kill -TERM "$OOBLECK_COORDINATOR" 2>/dev/null
                fi
                [ -z "$agent" ] || kill -TERM "$agent" 2>/dev/null
            }
            trap stop TERM
            # When the machine of the coordinator is lost, Slurm leaves the job to the other nodes: three of them
            # look, and have it start again.
            if [ -n "${OOBLECK_BATCH_NODE:-}" ] && [ "$SLURM_PROCID" -ge 1 ] && [ "$SLURM_PROCID" -le 3 ]; then
                while sleep 10; do
                    names=$(squeue --noheader --jobs="$SLURM_JOB_ID" --states=RUNNING --format=%N) || continue
                    [ -n "$names" ] || continue
                    scontrol show hostnames "$names" | grep -qx "$OOBLECK_BATCH_NODE" && continue
                    scontrol requeue "$SLURM_JOB_ID"
                done </dev/null >/dev/null 2>&1 &
                trap "kill $! 2>/dev/null" EXIT
            fi
            for attempt in $(seq 1000); do
                "$program" agent --run-dir "$run" --listen "$(address)" \\
                    --name "$SLURMD_NODENAME"\(options.map { " " + $0 }.joined()) &
                agent=$!
                \(waitText("agent").replacing("\n", with: "\n    "))
                agent=
                # 0: the run is finished or stopped, or does not need this node any more.
                case $status in 0 | 64 | 65) exit "$status" ;; esac
                [ -z "$ending" ] || exit 0
                sleep 5
            done
            exit "$status"

            """
    }

    private var replacementText: String {
        let lines = directives([
            "--job-name=\(nodeJobName)", "--comment=\"\(runPath)\"", "--nodes=1",
            "--ntasks-per-node=1", "--exclusive", "--mem=0", "--no-requeue", "--open-mode=append",
            "--output=\(logPath("replacement.%j.log"))", "--signal=B:TERM@\(noticeSeconds)",
        ])
        return """
            #!/bin/bash
            # Written by oobleck slurm. Takes the place of a lost node of the run.
            \(lines)
            files=\(quoted(folderPath))
            trap 'scancel --signal=TERM "$SLURM_JOB_ID.0"' TERM
            srun --cpu-bind=none bash "$files/node.sh" &
            node=$!
            \(waitText("node"))
            exit "$status"

            """
    }

    /// One word of a shell's command line, whatever is in it.
    private func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
