import Dispatch
import Foundation
import OobleckTensor
import Synchronization
import Testing

/// Members of groups inside this process, one thread each; each has a store of its own, and keys
/// travel between them as they do between workers.
private final class Members: Sendable {
    private let stores = Mutex<[RendezvousStore]>([])

    init(count: Int) throws {
        let all = try (0..<count).map { _ in
            try RendezvousStore { [weak self] key, value in
                for store in self?.stores.withLock({ $0 }) ?? [] {
                    store.receive(key: key, value: value)
                }
            }
        }
        stores.withLock { $0 = all }
    }

    func abort(_ rank: Int) { stores.withLock { $0[rank] }.abort() }

    func group(
        _ name: String,
        rank: Int,
        size: Int,
        formation: Int = 5000,
        wait: Int = 20_000
    ) throws -> CommunicationGroup {
        try CommunicationGroup(
            store: stores.withLock { $0[rank] },
            name: name,
            rank: rank,
            size: size,
            host: "127.0.0.1",
            formationMilliseconds: formation,
            waitMilliseconds: wait
        )
    }
}

/// Runs `body` on one thread a rank and gives the results in order of rank.
private func onThreads<Result: Sendable>(
    _ count: Int,
    _ body: @escaping @Sendable (Int) throws -> Result
) -> [Swift.Result<Result, any Error>] {
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let group = DispatchGroup()
    for rank in 0..<count {
        group.enter()
        let thread = Thread {
            let result = Swift.Result { try body(rank) }
            results.withLock { $0[rank] = result }
            group.leave()
        }
        thread.start()
    }
    group.wait()
    return (0..<count).compactMap { rank in results.withLock { $0[rank] } }
}

@Suite("Groups of workers", .serialized, .timeLimit(.minutes(5)))
struct CollectiveTests {
    @Test("an all-reduce of integers gives every member the exact sum")
    func allReduce() throws {
        let members = try Members(count: 3)
        let sums = onThreads(3) { rank in
            let group = try members.group("sum", rank: rank, size: 3)
            let tensor = try Tensor.copying([Int64(1) << (20 * rank), -1], shape: [2])
            try group.startAllReduce(tensor).wait()
            return try tensor.withBytes { Array($0.bindMemory(to: Int64.self)) }
        }
        for sum in sums { #expect(try sum.get() == [1 + (1 << 20) + (1 << 40), -3]) }
    }

    @Test("tensors sent in order arrive in order, on both tags")
    func sendAndReceive() throws {
        let members = try Members(count: 2)
        let received = onThreads(2) { rank in
            let group = try members.group("pair", rank: rank, size: 2)
            var values: [Float] = []
            if rank == 0 {
                let sends = try (0..<6).map { index in
                    try group.startSend(
                        Tensor.copying([Float(index)], shape: [1]),
                        to: 1,
                        tag: index % 2
                    )
                }
                for send in sends { try send.wait() }
            } else {
                for index in [0, 2, 1, 3, 5, 4] {
                    let tensor = try Tensor.empty([1])
                    try group.startReceive(tensor, from: 0, tag: index % 2).wait()
                    values += try tensor.floats()
                }
            }
            return values
        }
        #expect(try received[1].get() == [0, 2, 1, 3, 5, 4])
    }

    @Test("a receive waits as long as waits in its group may take, not only as long as its forming")
    func patience() throws {
        let members = try Members(count: 2)
        let done = DispatchSemaphore(value: 0)
        let outcomes = onThreads(2) { rank in
            let group = try members.group("late", rank: rank, size: 2, formation: 400, wait: 1600)
            let tensor = try Tensor.zeros([1])
            guard rank == 1 else {
                // Longer than the forming may take, and shorter than a wait.
                let isEarly = done.wait(timeout: .now() + 0.8) == .success
                try group.startSend(tensor, to: 1, tag: 0).wait()
                done.wait()
                return isEarly ? "early" : "sent late"
            }
            defer { done.signal() }
            try group.startReceive(tensor, from: 0, tag: 0).wait()
            do {
                try group.startReceive(tensor, from: 0, tag: 1).wait()
                return "received what was not sent"
            } catch let error as TensorError {
                return error.message.contains("1600ms") ? "timed out" : error.message
            }
        }
        #expect(try outcomes.map { try $0.get() } == ["sent late", "timed out"])
    }

    @Test("an abort from another thread ends a blocked receive, send and sum", arguments: 0..<3)
    func abortEndsWaits(kind: Int) throws {
        let members = try Members(count: 2)
        let isOver = DispatchSemaphore(value: 0)
        let outcomes = onThreads(2) { rank -> TensorError.Code? in
            let group = try members.group("aborted", rank: rank, size: 2)
            guard rank == 0 else {
                // Never joins in: waits until the other side has given up.
                _ = isOver.wait(timeout: .now() + 60)
                return nil
            }
            defer { isOver.signal() }
            let tensor = try Tensor.zeros([1 << 20], .int64)
            let work =
                switch kind {
                case 0: try group.startReceive(tensor, from: 1, tag: 0)
                case 1: try group.startSend(tensor, to: 1, tag: 0)
                default: try group.startAllReduce(tensor)
                }
            // Before or after the wait begins: the end is the same.
            Thread { group.abort() }.start()
            do {
                try work.wait()
                return nil
            } catch let error as TensorError {
                return error.code
            }
        }
        // Otherwise the group's time would have run out.
        #expect(try outcomes[0].get() == .aborted)
    }

    @Test("aborting the store ends the forming of a group whose other member never comes")
    func abortEndsForming() throws {
        let members = try Members(count: 2)
        Thread { members.abort(0) }.start()
        let outcome = onThreads(1) { _ in
            _ = try members.group("alone", rank: 0, size: 2)
        }
        let error = #expect(throws: TensorError.self) { try outcome[0].get() }
        #expect(error?.message.contains("timed out") == false)
    }

    @Test("released groups end their threads")
    func drains() throws {
        for round in 0..<5 {
            let members = try Members(count: 2)
            let outcomes = onThreads(2) { rank in
                let group = try members.group("round \(round)", rank: rank, size: 2)
                try group.startAllReduce(Tensor.zeros([8], .int64)).wait()
            }
            for outcome in outcomes { try outcome.get() }
        }
        let deadline = Date(timeIntervalSinceNow: 10)
        while TensorRuntime.drainingGroupCount > 0 && Date() < deadline {
            Thread.sleep(forTimeInterval: 0.01)
        }
        #expect(TensorRuntime.drainingGroupCount == 0)
    }

    @Test(
        "a group listens at the address that it was given, and nowhere else",
        arguments: ["127.0.0.1"]
    )
    func listening(host: String) throws {
        let members = try Members(count: 2)
        let outcomes = onThreads(2) { rank in
            let group = try members.group("listening", rank: rank, size: 2)
            try group.startAllReduce(Tensor.zeros([8], .int64)).wait()
            return try ListeningAddresses.ofThisProcess()
        }
        for outcome in outcomes {
            let addresses = try outcome.get()
            #expect(!addresses.isEmpty, "it has to listen somewhere")
            #expect(Set(addresses) == [host])
        }
    }
}

/// Where this process listens, as the kernel says.
private enum ListeningAddresses {
    static func ofThisProcess() throws -> [String] {
        let manager = FileManager.default
        // Descriptors may go while we look.
        let links = try manager.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? manager.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        let inodes = Set(
            links.filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst(8).dropLast()) }
        )
        return try ["tcp", "tcp6"].flatMap { table in
            let text = try String(contentsOfFile: "/proc/self/net/\(table)", encoding: .utf8)
            return text.split(separator: "\n").dropFirst().compactMap { line -> String? in
                let fields = line.split(separator: " ")
                // 0A is LISTEN.
                guard fields.count > 9, fields[3] == "0A", inodes.contains(String(fields[9]))
                else { return nil }
                return address(fields[1].split(separator: ":")[0])
            }
        }
    }

    /// An IPv4 address from the kernel's little-endian digits; others as they stand.
    private static func address(_ digits: Substring) -> String {
        guard digits.count == 8, let number = UInt32(digits, radix: 16) else {
            return String(digits)
        }
        return (0..<4).map { "\(number >> (8 * $0) & 255)" }.joined(separator: ".")
    }
}
