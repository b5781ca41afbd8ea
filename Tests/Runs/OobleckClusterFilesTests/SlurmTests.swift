import OobleckClusterFiles
import OobleckCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct SlurmTests {
    @Test(
        "time limits mean what sbatch takes them for",
        arguments: [
            ("30", 1800), ("30:15", 1815), ("8:00:00", 28800), ("2-12", 216_000),
            ("1-2:30", 95400), ("0-0:1:5", 65),
        ]
    )
    func timeLimit(text: String, seconds: Int) throws {
        #expect(try SlurmTimeLimit(text).seconds == seconds)
    }

    @Test(
        "what is no time limit is refused with the forms that are",
        arguments: [
            "", "x", "1:", ":1", "1:2:3:4", "-5", "1-", "1-2-3", "1:75", "1-2:60", "8h", "+3",
            "99999999", "0", "0:00", "999999-0", "1 0",
        ]
    )
    func wrongTimeLimit(text: String) {
        #expect(throws: OobleckError.self) { try SlurmTimeLimit(text) }
    }

    private static func batch() -> SlurmBatch {
        SlurmBatch(
            jobPath: "/home/me/tiny.yaml",
            runPath: "/home/me/runs/tiny run",
            folderPath: "/home/me/runs/tiny run.slurm",
            programPath: "/opt/oobleck/bin/oobleck",
            nodes: 4,
            replacements: 1
        )
    }

    @Test("the elastic job survives lost nodes, is told of its end, and may be requeued")
    func directives() throws {
        var batch = Self.batch()
        batch.timeLimit = try SlurmTimeLimit("8:00:00")
        (batch.partition, batch.options) = ("spot", ["--constraint=icelake"])
        try batch.validate()
        let text = try #require(batch.files.first { $0.name == "job.sbatch" }).text
        let lines = text.split(separator: "\n").map(String.init)
        for directive in [
            "--job-name=oobleck-tiny-run", "--nodes=4", "--ntasks-per-node=1", "--exclusive",
            "--no-kill", "--requeue", "--open-mode=append", "--signal=B:TERM@60",
            "--time=8:00:00", "--partition=spot", "--constraint=icelake",
            "--output=\"/home/me/runs/tiny run.slurm/job.%j.log\"",
            "--comment=\"/home/me/runs/tiny run\"",
        ] {
            #expect(lines.contains("#SBATCH \(directive)"), "\(directive)")
        }
        #expect(lines.first == "#!/bin/bash")
        // Slurm reads directives up to the first command only.
        let last = try #require(lines.lastIndex { $0.hasPrefix("#SBATCH") })
        #expect(lines[...last].allSatisfy { $0.hasPrefix("#") })
        #expect(text.contains("srun --no-kill --kill-on-bad-exit=0 --wait=0"))
        #expect(text.contains("run='/home/me/runs/tiny run'"))
    }

    @Test("the same request gives the same bytes; without replacements there is no file for them")
    func files() {
        var batch = Self.batch()
        #expect(batch.files.map(\.text) == Self.batch().files.map(\.text))
        #expect(batch.files.map(\.name) == ["job.sbatch", "node.sh", "replacement.sbatch"])
        batch.replacements = 0
        #expect(batch.files.map(\.name) == ["job.sbatch", "node.sh"])
        #expect(!batch.files.contains { $0.text.contains("replacement") })
    }

    @Test("a percent sign of a path is no pattern of sbatch, a quote none of the shell's")
    func hostilePaths() throws {
        var batch = Self.batch()
        batch.folderPath = "/home/me/100%/it's"
        batch.runPath = "/home/me/$(reboot)"
        try batch.validate()
        let text = batch.files[0].text
        #expect(text.contains("--output=\"/home/me/100%%/it's/job.%j.log\""))
        #expect(text.contains("files='/home/me/100%/it'\\''s'"))
        #expect(text.contains("run='/home/me/$(reboot)'"))
    }

    @Test("requests that make no sense are refused in one line that names the option")
    func refusals() throws {
        func message(_ change: (inout SlurmBatch) throws -> Void) throws -> String {
            var batch = Self.batch()
            try change(&batch)
            do {
                try batch.validate()
                return "accepted"
            } catch let error as OobleckError {
                #expect(error.code == .usage)
                return error.message
            }
        }
        #expect(try message { $0.nodes = 0 }.contains("--nodes is 0"))
        #expect(try message { $0.replacements = -1 }.contains("--replacements is -1"))
        #expect(try message { $0.replacements = 5 }.contains("--replacements is 5"))
        #expect(try message { $0.noticeSeconds = 0 }.contains("--notice is 0"))
        #expect(try message { $0.port = 70000 }.contains("--port is 70000"))
        #expect(try message { $0.partition = "a b" }.contains("--partition is \"a b\""))
        #expect(try message { $0.account = "" }.contains("--account"))
        #expect(try message { $0.options = ["-p spot"] }.contains("--sbatch-option"))
        #expect(try message { $0.options = ["--nodes=3"] }.contains("is set by this command"))
        #expect(try message { $0.options = ["--x=1\n#SBATCH"] }.contains("--sbatch-option"))
        #expect(try message { $0.runPath = "/a\"b" }.contains("cannot stand in a batch file"))
        #expect(
            try message { $0.timeLimit = try SlurmTimeLimit("2") }.contains("at least 180 s")
        )
    }
}
