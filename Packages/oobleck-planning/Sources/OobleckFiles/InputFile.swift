public import Foundation
import OobleckValues
import OobleckWords

/// Files that people give us, read whole: opened as ``OpenFile`` opens them, of bounded size.
public enum InputFile {
    /// The most bytes of a file that is read as one document: jobs, profiles, plans, certificates.
    public static let largestDocument = 256 << 20

    /// The bytes of a regular file of at most `limit` bytes.
    ///
    /// Throws `.inputData` with one line that names the file, what it was to be (`role`, as
    /// "profile"), and the `reason` for the limit.
    public static func bytes(
        _ path: String,
        as role: String? = nil,
        atMost limit: Int = largestDocument,
        because reason: String? = nil
    ) throws -> [UInt8] {
        let file = try open(path, role)
        let size = try file.size()
        guard size <= limit else {
            throw OobleckError(
                .inputData,
                "\(path) has \(counted(size, "byte")); it may have at most \(limit)"
                    + (reason.map { ": \($0)" } ?? "")
            )
        }
        return try file.read(at: 0, count: size)
    }

    /// As ``bytes(_:as:atMost:because:)``, for decoders that take data.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` as ``bytes(_:as:atMost:because:)``.
    public static func data(
        _ path: String,
        as role: String? = nil,
        atMost limit: Int = largestDocument
    ) throws -> Data {
        Data(try bytes(path, as: role, atMost: limit))
    }

    private static func open(_ path: String, _ role: String?) throws -> OpenFile {
        do {
            return try OpenFile(path, for: .readInput)
        } catch let error as OobleckError {
            guard let role else { throw error }
            throw OobleckError(error.code, "cannot read the \(role): \(error.message)")
        }
    }
}
