import Foundation
import OobleckCore

/// The files that come with the program: those of the checkout that it was built in, or of the package
/// that it was installed from.
package enum Checkout {
    /// A file or folder that comes with the program: below the folder we are in, or a folder above this
    /// program.
    ///
    /// Throws one line.
    package static func path(_ name: String) throws -> String {
        guard let path = try firstPath([name]) else {
            throw OobleckError(
                .usage,
                "cannot find \(name); run this command inside the checkout, or install the package again"
            )
        }
        return path
    }

    /// The folder that has the Python package `oobleck`: `Python` of a checkout, or where a wheel is
    /// installed.
    ///
    /// Throws one line.
    package static func pythonFolder() throws -> String {
        let module = "oobleck/__main__.py"
        guard let path = try firstPath(["Python/" + module, module]) else {
            throw OobleckError(
                .usage,
                "cannot find Python/\(module); run this command inside the checkout, or install the "
                    + "package again"
            )
        }
        return String(path.dropLast(module.count + 1))
    }

    /// The interpreter that `make setup` installed; `nil` outside of a checkout.
    package static func interpreter() throws -> String? {
        try firstPath([".venv/bin/python"])
    }

    /// The first of these names that is there, in the nearest folder that has one.
    private static func firstPath(_ names: [String]) throws -> String? {
        var folders = [FileManager.default.currentDirectoryPath]
        var folder = URL(fileURLWithPath: try Executables.thisProgram())
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            folders.append(folder.path)
        }
        return folders.lazy.flatMap { folder in names.map { "\(folder)/\($0)" } }
            .first { FileManager.default.fileExists(atPath: $0) }
    }
}
