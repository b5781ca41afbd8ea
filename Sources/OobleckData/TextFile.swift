import Foundation
import OobleckCore

/// Small files of text, read whole.
package enum TextFile {
    /// Throws `.inputData` when the file cannot be read or is no UTF-8.
    package static func read(_ path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw OobleckError(.inputData, "cannot read \(path): \(error)")
        }
    }
}
