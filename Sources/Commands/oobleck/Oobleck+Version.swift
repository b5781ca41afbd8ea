import OobleckCore

extension Oobleck {
    /// The program's version.
    static let version = programVersion
}
