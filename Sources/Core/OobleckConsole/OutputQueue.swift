/// What waits to be written to a stream.
///
/// What is only for display never waits for a reader: when too much of it waits, the live lines give
/// way first, then the oldest lines, and the reader is told how many once it reads again. Results are
/// never dropped; the caller that adds one waits until it is written.
package struct OutputQueue: Sendable {
    /// One piece of output.
    package enum Piece: Sendable {
        /// A line for display, without its newline.
        case line(String)
        /// What the last lines of the terminal show from now on.
        case live(String)
        /// Takes the live lines away.
        case clear
        /// Text that must be written as it is.
        case result(String)
    }

    private enum Entry {
        case line(String)
        case result(String)

        var text: String {
            switch self {
            case .line(let text): text + "\n"
            case .result(let text): text
            }
        }
    }

    /// Bytes of lines that may wait.
    package static let capacity = 256 << 10
    /// Bytes written at once; a pipe takes as many whole or not at all.
    private static let chunk = 4096
    /// Puts the cursor at the start of the live lines, and empties them.
    private var erase: String {
        liveRows > 1 ? "\r\u{1B}[\(liveRows - 1)A\u{1B}[J" : "\r\u{1B}[K"
    }

    private var entries: [Entry] = []
    private var waitingBytes = 0
    /// Live lines that the terminal shows.
    private var liveRows = 0
    /// What the live lines are to become; `nil` when they stay as they are.
    private var live: String??
    /// Lines left out since the reader was last told.
    private(set) package var droppedCount = 0

    package init() {}

    package var isEmpty: Bool { entries.isEmpty && live == nil }

    package mutating func add(_ piece: Piece) {
        switch piece {
        case .line(let text):
            entries.append(.line(text))
            waitingBytes += text.utf8.count + 1
            dropLines()
        case .result(let text): entries.append(.result(text))
        case .live(let text): live = .some(text)
        case .clear: live = liveRows > 0 ? .some(nil) : nil
        }
    }

    /// Forgets all that waits.
    package mutating func removeAll() {
        entries = []
        waitingBytes = 0
        live = nil
        droppedCount = 0
    }

    /// The bytes to write next; `nil` when nothing waits.
    package mutating func next() -> [UInt8]? {
        guard !entries.isEmpty else { return nextLive() }
        var text = liveRows > 0 ? erase : ""
        liveRows = 0
        if droppedCount > 0 {
            let lines = droppedCount == 1 ? "1 line was" : "\(droppedCount) lines were"
            text += "(\(lines) left out: the output was not read in time)\n"
            droppedCount = 0
        }
        var count = 0
        while count < entries.count, text.utf8.count < Self.chunk {
            if case .line(let line) = entries[count] { waitingBytes -= line.utf8.count + 1 }
            text += entries[count].text
            count += 1
        }
        entries.removeFirst(count)
        return Array(text.utf8)
    }

    private mutating func nextLive() -> [UInt8]? {
        guard let change = live else { return nil }
        live = nil
        let text = erase + (change ?? "")
        liveRows = change.map { $0.count { $0 == "\n" } + 1 } ?? 0
        return Array(text.utf8)
    }

    /// Leaves out the oldest lines until the rest fits.
    private mutating func dropLines() {
        guard waitingBytes > Self.capacity else { return }
        // Half at once, so that the work for each line stays small.
        live = nil
        var kept: [Entry] = []
        for entry in entries {
            if case .line(let line) = entry, waitingBytes > Self.capacity / 2 {
                waitingBytes -= line.utf8.count + 1
                droppedCount += 1
            } else {
                kept.append(entry)
            }
        }
        entries = kept
    }
}
