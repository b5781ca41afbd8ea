import Foundation
import OobleckCore
import OobleckData

/// What a process that we started leaves in its log, to tell why it ended.
package struct ProcessLog: Sendable {
    /// What came of a process.
    package struct Ending: Hashable, Sendable {
        /// Whether it ended for want of memory, as far as can be known.
        package let isOutOfMemory: Bool
        /// As `was killed by signal 4 (Illegal instruction): Fatal error: ...; see node-0.log`.
        package let text: String
    }

    /// Bytes that are looked at: what a crash says comes before its backtrace.
    private static let mostBytes = 256 << 10
    /// Characters of what the process said that are repeated.
    private static let mostCharacters = 200

    /// What programs and libraries say when they get no memory, or no thread for want of it.
    private static let wantOfMemory = [
        "std::bad_alloc", "annot allocate memory", "an't allocate memory", "ut of memory",
        "ould not allocate", "Unable to create thread", "failed to map segment",
        "Resource temporarily unavailable",
    ]
    /// How lines begin, or what they hold, that say why a process ends.
    private static let reasons = [
        "Fatal error", "Precondition failed", "Assertion failed", "error while loading",
        "what():", "terminate called", "symbol lookup error", "AddressSanitizer",
    ]

    /// Ends of a process that found its own state wrong, or was found to have touched what is not
    /// its own.
    private static let crashes = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV]

    private let path: String?
    private let start: Int
    private let addressSpace: ByteCount?

    /// The log of a process that is about to be started, at this path; `nil` where it has none.
    ///
    /// The process inherits our limit of the `addressSpace`, if there is one.
    package init(_ path: String?, addressSpace: ByteCount? = ProcessLog.addressSpaceLimit) {
        self.path = path
        self.addressSpace = addressSpace
        start = (try? path.flatMap(Self.regularFile)?.size()) ?? 0
    }

    /// What the end of the process means.
    ///
    /// With `wasKilledForMemory` the kernel counted a kill for want of memory.
    package func ending(_ exit: ChildProcess.Exit, wasKilledForMemory: Bool = false) -> Ending {
        guard exit != .status(0) else { return Ending(isOutOfMemory: false, text: "\(exit)") }
        let lines = lines()
        let hunger =
            Self.isOrderly(exit)
            ? nil
            : lines.first { line in
                Self.wantOfMemory.contains { line.contains($0) }
                    && !line.contains("Operation not permitted")
            }
        let reason =
            hunger ?? lines.first { line in Self.reasons.contains { line.contains($0) } }
            ?? lines.last { $0.hasPrefix("oobleck-worker: ") || $0.hasPrefix("oobleck: ") }
        // Release builds of libraries crash without a word when they get no thread or no memory.
        let isLikely =
            reason == nil && addressSpace != nil && Self.crashes.contains { exit == .signal($0) }
        let isOutOfMemory =
            wasKilledForMemory || exit == .status(WorkerExit.outOfMemory) || hunger != nil
            || isLikely
        let finding = isLikely ? "ran out of memory, most likely" : "ran out of memory"
        var text = isOutOfMemory ? "\(finding): it \(exit)" : "\(exit)"
        if let reason { text += ": \(lineForPeople(String(reason.prefix(Self.mostCharacters))))" }
        if isOutOfMemory, let limit = addressSpace {
            text += " (address space is limited to \(limit), ulimit -v)"
        }
        if let path { text += "; see \(path)" }
        return Ending(isOutOfMemory: isOutOfMemory, text: text)
    }

    /// The last thing that our worker said of its end, without its name; `nil` where it has no log.
    var lastWords: String? {
        let prefix = "oobleck-worker: "
        let line = lines().last { $0.hasPrefix(prefix) }
        return line.map { lineForPeople(String($0.dropFirst(prefix.count))) }
    }

    /// Whether the process itself said what was wrong by the status that it chose.
    private static func isOrderly(_ exit: ChildProcess.Exit) -> Bool {
        let known: [OobleckError.Code] = [.usage, .inputData, .noPlan, .storage, .outOfNodes]
        return known.contains { exit == .status($0.exitStatus) }
    }

    /// What the process has said so far.
    private func lines() -> [String] {
        guard let file = path.flatMap(Self.regularFile), let size = try? file.size() else {
            return []
        }
        let count = min(max(0, size - start), Self.mostBytes)
        let bytes = (try? file.read(at: start, count: count)) ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }

    /// A log may be a terminal or a pipe: those are not read.
    private static func regularFile(_ path: String) -> OpenFile? {
        try? OpenFile(path, for: .readBack)
    }

    /// The limit of this process's address space, which those that it starts inherit.
    package static var addressSpaceLimit: ByteCount? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
            limit.rlim_cur < rlim_t(Int.max)
        else { return nil }
        return ByteCount(Int(limit.rlim_cur))
    }
}
