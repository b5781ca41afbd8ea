import Foundation

/// A file that the kernel generates, below `/proc` or `/sys`.
///
/// It has no size and needs none of the checks of ``OpenFile``, which opens all other files.
package enum SystemFile {
    /// All of its bytes; `nil` when it does not exist or cannot be read.
    package static func bytes(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }

    /// Its text; `nil` when it is not there or cannot be read.
    package static func text(_ path: String) -> String? {
        bytes(path).map { String(decoding: $0, as: UTF8.self) }
    }
}
