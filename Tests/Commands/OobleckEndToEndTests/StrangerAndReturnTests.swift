import Foundation
import OobleckCore
import OobleckRunFiles
import Testing

/// Who comes to a run from outside: nodes in a storm, one that dies again and again, strangers.
@Suite("Who comes to a run from outside", .serialized, .timeLimit(.minutes(10)))
struct StrangerAndReturnTests {
    private func begin() throws -> LivingRun { try LivingRun(steps: 400) }

    @Test("three nodes that join at once get work in one or two plans, and change nothing")
    func storm() throws {
        let run = try begin()
        defer { run.running.signal(SIGINT) }
        let laboratory = run.laboratory
        let plans = try laboratory.events("run", .planned).count
        let agents = try (0..<3).map { try laboratory.startAgent(name: "new-\($0)") }
        defer { for agent in agents { agent.signal(SIGKILL) } }
        let isPlanned = waitUntil(90) {
            let nodes = laboratory.status("run")?.nodes ?? []
            return nodes.count { $0.id >= 6 && $0.pipeline != nil } == 3
        }
        #expect(isPlanned)
        // They start on a busy machine, some a second after the others.
        #expect(try laboratory.events("run", .planned).count - plans <= 3)
        #expect(try run.finish().failures == 0)
    }

    @Test("a node that dies twice is kept out for a while, by its name, and told for how long")
    func quarantine() throws {
        let run = try begin()
        defer { run.running.signal(SIGINT) }
        let laboratory = run.laboratory
        for round in 0..<2 {
            let agent = try laboratory.startAgent(name: "flapping")
            let node = NodeID(6 + round)
            try #require(
                waitUntil(60) { laboratory.status("run")?.nodes.contains { $0.id == node } == true }
            )
            agent.signal(SIGKILL)
            try #require(
                waitUntil(20) {
                    laboratory.status("run")?.nodes.first { $0.id == node }?.state == .dead
                }
            )
        }
        let refused = try laboratory.startAgent(name: "flapping").wait(deadline: 20)
        #expect(refused.status != 0)
        #expect(refused.errors.contains("flapping has died 2 times; it may join again in"))
        // Written with the coordinator's next event, a tick at the latest.
        #expect(waitUntil(5) { (try? laboratory.events("run", .refused).isEmpty) == false })
        _ = try run.finish()
    }

    @Test("a stranger at the ports of workers and coordinator hears nothing, and changes nothing")
    func stranger() throws {
        let run = try begin()
        defer { run.running.signal(SIGINT) }
        let laboratory = run.laboratory
        let nodes = try #require(laboratory.status("run")?.nodes)
        let ports = try Set(nodes.flatMap(\.workerPIDs).flatMap(ListeningPorts.of))
        // Each worker listens for its groups, and to be found.
        #expect(ports.count >= 2 * nodes.count)
        for port in ports.sorted() {
            let heard = try Stranger.hear(port: port, saying: Array(repeating: 0xa5, count: 64))
            #expect(heard.isEmpty, "port \(port) says \(heard.prefix(16))")
        }
        #expect(try run.finish().failures == 0)
    }
}

/// The TCP ports at which a process listens.
enum ListeningPorts {
    static func of(_ pid: Int) throws -> [Int] {
        let folder = "/proc/\(pid)/fd"
        let sockets = Set(
            try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + $0)
            }
        )
        let table = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
        return table.split(separator: "\n").dropFirst().compactMap { line in
            // sl local_address rem_address st ... inode; state 0A listens.
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", sockets.contains("socket:[\(fields[9])]")
            else { return nil }
            return fields[1].split(separator: ":").last.flatMap { Int($0, radix: 16) }
        }
    }
}

/// Somebody who knows a port and nothing else.
enum Stranger {
    /// All that the port says within half a second to one who says `bytes`.
    static func hear(port: Int, saying bytes: [UInt8]) throws -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Whoever is gone by now says nothing either.
        guard status == 0 else { return [] }
        var patience = timeval(tv_sec: 0, tv_usec: 500_000)
        let length = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, length)
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }
}
