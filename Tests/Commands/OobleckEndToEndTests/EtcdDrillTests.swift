import Foundation
import OobleckEtcdSupport
import Testing

/// Rows of the drill whose runs keep their state in a real etcd of three members.
@Suite(
    "The drill's rows in etcd",
    .serialized,
    .enabled(if: EtcdCluster.program != nil, "no etcd here; run: apt install etcd-server"),
    .timeLimit(.minutes(10))
)
struct EtcdDrillTests {
    @Test("a member that dies and comes back, and a leader that dies, change nothing")
    func rows() throws {
        let laboratory = try Laboratory()
        let folder = laboratory.path("temporary")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let report = laboratory.path("report")
        let drill = try laboratory.start(
            [
                "drill", "--faults", "etcd-member-killed,etcd-leader-killed", "--repeats", "1",
                "--report", report,
            ],
            environment: ["TMPDIR": folder]
        )
        let outcome = try drill.wait(deadline: 110)
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
        #expect(outcome.output.contains("2 passed, 0 failed"), "\(outcome.output)")
        #expect(try laboratory.orphans() == [])
    }
}
