import Foundation
import OobleckClock
import OobleckCore
import OobleckTransport
import Testing

@Suite("Why a process ended, by its log", .timeLimit(.minutes(5))) struct ProcessLogTests {
    private func ending(
        _ text: String,
        _ exit: ChildProcess.Exit,
        before: String = "",
        addressSpace: ByteCount? = nil
    ) throws -> ProcessLog.Ending {
        let path = NSTemporaryDirectory() + "oobleck-log-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try before.write(toFile: path, atomically: false, encoding: .utf8)
        let log = ProcessLog(path, addressSpace: addressSpace)
        try (before + text).write(toFile: path, atomically: false, encoding: .utf8)
        let ending = log.ending(exit)
        #expect(ending.text.hasSuffix("; see \(path)"))
        return ending
    }

    @Test(
        "a process that got no memory is said to have run out of it",
        arguments: [
            "terminate called after throwing an instance of 'std::bad_alloc'",
            "NIOPosix/ThreadPosix.swift:197: Precondition failed: Unable to create thread: 11",
            "worker: error while loading shared libraries: libtorch_cpu.so: failed to map segment "
                + "from shared object",
            "[enforce fail at linux.cc:78] errno == 0. Cannot allocate memory",
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1024 bytes",
        ]
    )
    func memory(line: String) throws {
        let ending = try ending("hello\n\(line)\nCurrent stack trace:\n0 libc\n", .signal(SIGILL))
        #expect(ending.isOutOfMemory)
        #expect(ending.text.hasPrefix("ran out of memory: it was killed by signal 4"))
        #expect(ending.text.contains(line.prefix(150)))
    }

    @Test("a crash without a word under a limit of the address space is most likely for want of it")
    func likelyMemory() throws {
        let silent = try ending("", .signal(SIGILL), addressSpace: ByteCount(800_000 << 10))
        #expect(silent.isOutOfMemory)
        #expect(silent.text.hasPrefix("ran out of memory, most likely: it was killed by signal 4"))
        #expect(silent.text.contains("address space is limited to 781.3 MiB, ulimit -v"))
        let told = try ending(
            "Fatal error: Index out of range\n",
            .signal(SIGILL),
            addressSpace: ByteCount(800_000 << 10)
        )
        #expect(!told.isOutOfMemory)
    }

    @Test("any other crash is told with what the process said last of it")
    func crash() throws {
        let crash = try ending(
            "Fatal error: Index out of range\nCurrent stack trace:\n",
            .signal(SIGTRAP)
        )
        #expect(!crash.isOutOfMemory)
        #expect(crash.text.contains("signal 5"))
        #expect(crash.text.contains(": Fatal error: Index out of range; see "))
        let silent = try ending("some notes\n", .signal(SIGSEGV))
        #expect(silent.text.hasPrefix("was killed by signal 11 (Segmentation fault); see "))
        let orderly = try ending("oobleck-worker: no such corpus\n", .status(65))
        #expect(orderly.text.hasPrefix("exited with status 65: oobleck-worker: no such corpus"))
        // What failed was a file, and the status says so.
        let busy = try ending("oobleck-worker: x: Cannot allocate memory\n", .status(74))
        #expect(!busy.isOutOfMemory)
        let forbidden = try ending(
            "error while loading: failed to map segment: Operation not permitted\n",
            .status(127)
        )
        #expect(!forbidden.isOutOfMemory)
    }

    @Test("what a log held before the process started says nothing of it")
    func earlier() throws {
        let ending = try ending("", .signal(SIGABRT), before: "std::bad_alloc\n")
        #expect(!ending.isOutOfMemory)
    }

    @Test("a process that crashes ends at once: it makes no backtrace first")
    func backtrace() async throws {
        let path = NSTemporaryDirectory() + "oobleck-env-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let child = try ChildProcess.spawn(
            "/bin/sh",
            ["-c", "echo ${SWIFT_BACKTRACE-unset}"],
            group: .own,
            holdsInput: false,
            logPath: path
        )
        #expect(try await child.waitUntilExit(deadline: MonotonicTime.now + 10))
        let own = ProcessInfo.processInfo.environment["SWIFT_BACKTRACE"] ?? "enable=no"
        #expect(try String(contentsOfFile: path, encoding: .utf8) == own + "\n")
    }
}
