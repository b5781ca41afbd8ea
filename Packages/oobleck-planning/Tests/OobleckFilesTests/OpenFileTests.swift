import Foundation
import OobleckSeeds
import OobleckValues
import Testing

@testable import OobleckFiles

@Suite(.timeLimit(.minutes(10))) struct OpenFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func refusal(_ path: String, for purpose: OpenFile.Purpose = .readInput) -> String {
        let error = #expect(throws: OobleckError.self) { _ = try OpenFile(path, for: purpose) }
        return error?.message ?? ""
    }

    private func pipe() throws -> String {
        let path = folder.path + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        return path
    }

    @Test("a FIFO without a writer is refused at once, whatever it is opened for")
    func pipes() throws {
        let path = try pipe()
        for purpose in [
            OpenFile.Purpose.readInput, .readBack, .append, .replace(permissions: 0o600),
        ] {
            #expect(
                refusal(path, for: purpose).contains("\(path) is not a regular file: it is a pipe")
            )
        }
    }

    @Test("a FIFO with a reader is not written to")
    func pipeWithReader() throws {
        let path = try pipe()
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        #expect(refusal(path, for: .append).contains("is not a regular file"))
    }

    @Test("devices, sockets and directories are refused by name, and no descriptor stays open")
    func kinds() throws {
        let socketPath = folder.path + "/socket"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: socketPath.utf8.prefix(100))
        }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        #expect(refusal(socketPath).contains("is not a regular file: it is a socket"))
        #expect(refusal("/dev/zero").contains("is not a regular file: it is a device"))
        #expect(refusal(folder.path).contains("is not a regular file: it is a directory"))
        #expect(try openDescriptors("/dev/zero").isEmpty)
    }

    private func openDescriptors(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))
                == path
        }
    }

    @Test("a link that leads nowhere is told from a file that does not exist")
    func links() throws {
        let link = folder.path + "/link"
        try FileManager.default.createSymbolicLink(
            atPath: link,
            withDestinationPath: "nowhere.bin"
        )
        #expect(refusal(link).contains("it is a link to nowhere.bin, which does not exist"))
        #expect(refusal(folder.path + "/none").contains("No such file or directory"))
        #expect(refusal("").contains("the name of a file is empty"))
    }

    @Test("what is written may be a device")
    func writing() throws {
        let file = try OpenFile("/dev/null", for: .append)
        try file.write([1, 2, 3])
    }

    @Test("a file that is too long for its kind is refused with both sizes")
    func limit() throws {
        let path = try folder.write("a.json", "12345")
        let error = #expect(throws: OobleckError.self) { try InputFile.bytes(path, atMost: 4) }
        #expect(error?.message.contains("has 5 bytes; it may have at most 4") == true)
        #expect(try InputFile.bytes(path, atMost: 5).count == 5)
    }

    @Test("text in another encoding is named, with the command that converts it")
    func encodings() throws {
        for (encoding, name) in [
            (String.Encoding.utf16LittleEndian, "UTF-16LE"), (.utf16BigEndian, "UTF-16BE"),
        ] {
            let data = try #require("model: {name: t}, Größe".data(using: encoding))
            let path = try folder.write("job.yaml", Array(data))
            let error = #expect(throws: OobleckError.self) { try TextFile.read(path) }
            #expect(error?.message.contains("iconv -f \(name) -t UTF-8") == true)
        }
    }
}
