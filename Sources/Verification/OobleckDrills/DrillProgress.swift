import OobleckCore

/// How far a drill has come.
package struct DrillProgress: Sendable {
    /// The row at work, counted from zero, and how many there are.
    package var row: Int
    package var rowCount: Int
    package var fault: DrillFault
    /// The run of the row at work, counted from zero, and how many it has.
    package var run: Int
    package var runCount: Int
    /// Runs done, and still to do with this one, over all rows.
    package var doneCount: Int
    package var leftCount: Int
    /// Since the drill began.
    package var elapsed: Seconds

    package init(
        row: Int,
        rowCount: Int,
        fault: DrillFault,
        run: Int,
        runCount: Int,
        doneCount: Int,
        leftCount: Int,
        elapsed: Seconds
    ) {
        self.row = row
        self.rowCount = rowCount
        self.fault = fault
        self.run = run
        self.runCount = runCount
        self.doneCount = doneCount
        self.leftCount = leftCount
        self.elapsed = elapsed
    }

    /// What is left if each run takes as long as those so far did; `nil` before the first is done.
    package var timeLeft: Seconds? {
        doneCount > 0 ? Seconds(elapsed.value / Double(doneCount) * Double(leftCount)) : nil
    }

    /// The progress in a few words, without the times.
    package var text: String {
        "row \(row + 1)/\(rowCount) \(fault.rawValue), run \(run + 1)/\(runCount)"
    }
}
