import OobleckCore

/// How data are read that no start has read before: once, from beginning to end.
///
/// What that finds is kept beside the data (``KeptSummary``). It takes minutes for 100 GB, so it says
/// how far it is, and ends early in a task that is cancelled.
package struct FirstLook: Sendable {
    /// How much of a file has been read.
    package struct Progress: Hashable, Sendable {
        package var path: String
        package var bytes: Int
        package var allBytes: Int

        package init(path: String, bytes: Int, allBytes: Int) {
            self.path = path
            self.bytes = bytes
            self.allBytes = allBytes
        }
    }

    /// Bytes between two reports: some hundredths of a second.
    private static let reportSize = 32 << 20

    /// Whether what is found is kept beside the data.
    let keepsSummary: Bool
    private let report: @Sendable (Progress) -> Void

    /// A look whose findings are kept beside the data, or not.
    ///
    /// `report` is called at the beginning, about every 32 MiB, and at the end.
    package init(
        keepsSummary: Bool = true,
        report: @escaping @Sendable (Progress) -> Void = { _ in }
    ) {
        self.keepsSummary = keepsSummary
        self.report = report
    }

    /// Notes that a range of a file's bytes, or of the bytes of several files, was read.
    ///
    /// Throws in a task that was cancelled.
    func note(_ path: String, _ range: Range<Int>, of allBytes: Int) throws {
        try Task.checkCancellation()
        let size = Self.reportSize
        let isEdge = range.lowerBound == 0 || range.upperBound == allBytes
        guard isEdge || range.lowerBound / size != range.upperBound / size else { return }
        report(Progress(path: path, bytes: range.upperBound, allBytes: allBytes))
    }
}
