import Foundation
import OobleckCore

/// The files that come with the source.
package enum Checkout {
    /// A file or folder of the checkout: below the folder we are in, or a folder above this program.
    ///
    /// Throws one line.
    package static func path(_ name: String) throws -> String {
        var folders = [FileManager.default.currentDirectoryPath]
        var folder = URL(fileURLWithPath: try Executables().command)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            folders.append(folder.path)
        }
        let paths = folders.map { "\($0)/\(name)" }
        guard let path = paths.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw OobleckError(.usage, "cannot find \(name); run this command inside the checkout")
        }
        return path
    }
}
