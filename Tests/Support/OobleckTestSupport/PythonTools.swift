import Foundation

/// The Python of the checkout that `make test` sets up, with torch and transformers.
package enum PythonTools {
    /// Whether models can be imported here.
    package static let areThere: Bool = run(["-c", "import torch, transformers"]).status == 0

    /// Runs the interpreter to its end, on one thread.
    package static func run(
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) -> (status: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: Checkout.path + "/.venv/bin/python")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["OMP_NUM_THREADS": "1", "PYTHONPATH": Checkout.path + "/Python"]
        ) { $1 }.merging(environment) { $1 }
        process.standardOutput = pipe
        process.standardError = pipe
        do { try process.run() } catch { return (-1, "\(error)") }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
