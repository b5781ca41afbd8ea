import Foundation
import OobleckCore
import OobleckStoreEtcd

/// A real etcd cluster of a test, on free ports of loopback.
package final class EtcdCluster {
    package static let program = ["/usr/bin/etcd", "/usr/local/bin/etcd"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    package let location: EtcdLocation
    package private(set) var processes: [Process] = []
    private let folder: String
    private let pairs: [String]
    private let certificates: EtcdCertificates?

    /// Members at `host`, which take more `options`, and speak TLS with `certificates`.
    package init(
        members: Int,
        host: String = "127.0.0.1",
        certificates: EtcdCertificates? = nil,
        options: [String] = []
    ) throws {
        folder = NSTemporaryDirectory() + "oobleck-etcd-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let ports = try (0..<2 * members).map { _ in try Self.freePort() }
        let peers = (0..<members).map { "m\($0)=http://127.0.0.1:\(ports[2 * $0 + 1])" }
        pairs = (0..<members).map { HostPort(host: host, port: ports[2 * $0]).description }
        location = try EtcdLocation(
            parsing: "etcd://" + pairs.joined(separator: ","),
            run: "test"
        )
        self.certificates = certificates
        let tls =
            certificates.map { ["--cert-file", $0.certificate, "--key-file", $0.key] } ?? []
        for member in 0..<members {
            let client = "\(scheme)://\(pairs[member])"
            let peer = "http://127.0.0.1:\(ports[2 * member + 1])"
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Self.program ?? "/usr/bin/etcd")
            process.arguments =
                [
                    "--name", "m\(member)", "--data-dir", "\(folder)/m\(member)",
                    "--listen-client-urls", client, "--advertise-client-urls", client,
                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                    "--initial-cluster", peers.joined(separator: ","), "--logger", "zap",
                ] + tls + options
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            processes.append(process)
        }
    }

    /// What operators use, if it is here.
    package static let control = ["/usr/bin/etcdctl", "/usr/local/bin/etcdctl"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Runs `etcdctl` with these arguments, and returns what it printed.
    ///
    /// Tried again until the cluster answers, for at most half a minute.
    @discardableResult
    package func control(_ arguments: [String]) throws -> String {
        let trust = certificates.map { ["--cacert", $0.authority] } ?? []
        let ends = ["--endpoints", pairs.map { "\(scheme)://\($0)" }.joined(separator: ",")]
        let deadline = Date() + 30
        while true {
            let (status, output) = try Self.run(
                Self.control ?? "/usr/bin/etcdctl",
                ends + trust + arguments
            )
            if status == 0 { return output }
            guard Date() < deadline else {
                throw OobleckError(.internalFault, "etcdctl \(arguments): status \(status)")
            }
            usleep(100_000)
        }
    }

    private var scheme: String { certificates == nil ? "http" : "https" }

    static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ["ETCDCTL_API": "3"]
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
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
