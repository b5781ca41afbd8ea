import OobleckCore
import OobleckData
import OobleckTensor

/// What a worker of a job keeps in memory beyond its layers' own needs.
enum WorkerMemory {
    /// What a worker has and a process that profiles has not; measured were 31 to 47 MiB.
    ///
    /// The control plane's connection, the groups' threads, and free blocks below a MiB between blocks
    /// in use.
    private static let connections = ByteCount(48 << 20)
    /// Three receives posted ahead at each end of a stage (``ReceiveQueue``), and one send at each that
    /// the neighbour has not taken yet.
    private static let boundaryTensors = 8

    /// Makes this process keep little free memory if the job has a memory limit.
    ///
    /// Profiling and training of a limited job use the same setting.
    static func prepare(for job: JobSpecification) {
        if job.cluster.deviceMemory != nil { TensorRuntime.holdLittleFreeMemory() }
    }

    /// The most memory that this process has had; on a GPU, what it has there now.
    ///
    /// Zero where the system does not say.
    static func most() -> ByteCount {
        guard !TensorRuntime.isAsynchronous else {
            do { return ByteCount(try TensorRuntime.memoryInUse()) } catch { return .zero }
        }
        // The line is `VmHWM:     1234 kB`.
        for line in (SystemFile.text("/proc/self/status") ?? "").split(separator: "\n")
        where line.hasPrefix("VmHWM:") {
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            return ByteCount(1024 * (kibibytes ?? 0))
        }
        return .zero
    }

    /// The rule for workers of `job`, measured in this process, which must hold no layer.
    static func rule(of job: JobSpecification) throws -> MemoryRule {
        TensorRuntime.releaseFreeMemory()
        let copies = job.checkpoint == nil ? 0 : 1
        return MemoryRule(
            processBytes: ByteCount(try TensorRuntime.memoryInUse()) + connections,
            boundaryTensors: boundaryTensors,
            stateCopiesTraining: copies,
            stateCopiesChanging: 1 + copies
        )
    }
}
