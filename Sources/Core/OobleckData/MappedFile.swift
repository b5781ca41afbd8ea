import Foundation
import OobleckCore

/// A file's bytes in the address space, read from the disk when they are accessed.
///
/// Mapping costs neither memory nor time, whatever the size. The file must not change. A change in
/// place is visible in the bytes. Reading beyond the end of a truncated file, or from a failing
/// disk, ends the process (SIGBUS). Replacing the file under its name (written beside, then
/// renamed) is safe: the mapping keeps the old one.
///
/// Sendable since the memory is only read, and stays mapped as long as this object lives.
final class MappedFile: @unchecked Sendable {
    /// In which order bytes will be read.
    enum Order {
        case sequential
        case random
    }

    /// A page fault maps up to this much around it: a huge page.
    private static let faultSize = 2 << 20

    let path: String
    let identity: FileIdentity
    private let memory: UnsafeRawBufferPointer

    /// Throws `.inputData` when the file cannot be opened or mapped.
    init(_ path: String) throws {
        let file = try OpenFile(path, for: .readInput)
        self.path = path
        identity = try file.identity()
        memory = try file.mapped(count: identity.size)
    }

    deinit {
        guard let start = memory.baseAddress else { return }
        munmap(UnsafeMutableRawPointer(mutating: start), memory.count)
    }

    var count: Int { memory.count }

    /// The pointer is valid within `body` only.
    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try withExtendedLifetime(self) { try body(memory) }
    }

    /// A copy of the first bytes, as many as there are up to `limit`.
    func prefix(_ limit: Int) -> [UInt8] { withBytes { Array($0.prefix(limit)) } }

    /// Tells the system how much to read ahead.
    func expect(_ order: Order) {
        advise(0..<count, order == .sequential ? MADV_SEQUENTIAL : MADV_RANDOM)
    }

    /// Removes the bytes from the memory of this process.
    ///
    /// They stay in the system's cache, which the system reclaims when memory is short, and can be
    /// read again.
    func forget(_ range: Range<Int>) {
        let first = range.lowerBound / Self.faultSize * Self.faultSize
        let end = (range.upperBound + Self.faultSize - 1) / Self.faultSize * Self.faultSize
        advise(first..<min(end, count), MADV_DONTNEED)
    }

    /// Advice that the system ignores does no harm.
    private func advise(_ range: Range<Int>, _ advice: Int32) {
        guard let start = memory.baseAddress, !range.isEmpty else { return }
        madvise(UnsafeMutableRawPointer(mutating: start + range.lowerBound), range.count, advice)
    }
}
