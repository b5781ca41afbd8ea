import Foundation
import OobleckCore
import OobleckEtcd

/// A real etcd cluster of a test, on free ports of loopback.
package final class EtcdCluster {
    package static let program = ["/usr/bin/etcd", "/usr/local/bin/etcd"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    package let location: EtcdLocation
    package private(set) var processes: [Process] = []
    private let folder: String

    package init(members: Int) throws {
        folder = NSTemporaryDirectory() + "oobleck-etcd-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let ports = try (0..<2 * members).map { _ in try Self.freePort() }
        let peers = (0..<members).map { "m\($0)=http://127.0.0.1:\(ports[2 * $0 + 1])" }
        let hosts = (0..<members).map { "127.0.0.1:\(ports[2 * $0])" }
        location = try EtcdLocation(
            parsing: "etcd://" + hosts.joined(separator: ","),
            run: "test"
        )
        for member in 0..<members {
            let client = "http://127.0.0.1:\(ports[2 * member])"
            let peer = "http://127.0.0.1:\(ports[2 * member + 1])"
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Self.program ?? "/usr/bin/etcd")
            process.arguments = [
                "--name", "m\(member)", "--data-dir", "\(folder)/m\(member)",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", peers.joined(separator: ","), "--logger", "zap",
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            processes.append(process)
        }
    }

    deinit {
        for process in processes { kill(process.processIdentifier, SIGKILL) }
        for process in processes { process.waitUntilExit() }
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            // The folder is in the system's own place for what may go.
        }
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                guard bind(descriptor, raw, size) == 0, getsockname(descriptor, raw, &size) == 0
                else { throw OobleckError(.internalFault, "no free port on loopback") }
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
    }
}
