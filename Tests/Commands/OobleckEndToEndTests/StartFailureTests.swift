import Foundation
import Testing

/// Nodes that cannot start, for real.
@Suite("A run whose workers cannot start", .serialized, .timeLimit(.minutes(10)))
struct StartFailureTests {
    @Test("ends at once and says that they ran out of memory, and where more is told")
    func addressSpace() throws {
        let laboratory = try Laboratory()
        let arguments = laboratory.trainArguments("run", ["--nodes", "3"])
        // Enough for agents, too little for libtorch. With one arena, address space measures
        // memory: each further one reserves 64 MiB, and their number depends on the cores.
        let command =
            "ulimit -v 400000; export MALLOC_ARENA_MAX=1; exec \(Laboratory.programs)/oobleck "
            + arguments.joined(separator: " ")
        // Sooner than the 40 s by which nodes have to be ready.
        let outcome = try Running("/bin/sh", ["-c", command], folder: laboratory.folder)
            .wait(deadline: 35)
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("none of the nodes got ready"), "\(outcome.errors)")
        #expect(outcome.errors.contains("ran out of memory"), "\(outcome.errors)")
        #expect(outcome.errors.contains("/run/logs/node-"), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(try laboratory.orphans() == [])
    }
}
