import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import OobleckRuntime
import OobleckTransport

/// Looks at this host for a launcher that asks what it has for a run.
enum HostInspection {
    /// How long the coordinator's port may take to answer.
    private static let probeDeadline: Seconds = 3
    /// How long the process that loads libtorch may take.
    private static let torchDeadline: Seconds = 60

    /// What there is, and the socket at which the host listens for others to try.
    static func facts(
        _ inquiry: HostInquiry,
        _ executables: Executables
    ) async -> (facts: HostFacts, listener: ListeningSocket?) {
        async let torch = torch(inquiry.job.cluster.device ?? .cpu, executables)
        async let data = data(inquiry.job)
        var facts = HostFacts(cores: MachineCores.available)
        var listener: ListeningSocket?
        do {
            let coordinator = try CoordinatorAddress(parsing: inquiry.coordinator)
            let address = try RemoteService.listenAddress(inquiry.listen, coordinator)
            let socket = try ListeningSocket(host: address, port: 0)
            listener = socket
            (facts.address, facts.port) = (address, socket.port)
            facts.coordinatorTrouble = await ConnectionProbe.trouble(
                to: HostPort(host: coordinator.host, port: coordinator.port),
                within: probeDeadline
            )
        } catch {
            facts.addressTrouble = lineForPeople("\(error)")
        }
        facts.sharesCheckpoints = inquiry.sharedMark.map {
            FileManager.default.fileExists(atPath: $0)
        }
        switch await torch {
        case .success(let found): (facts.torch, facts.device) = (found.torch, found.device)
        case .failure(let error): facts.torchTrouble = error.message
        }
        switch await data {
        case .success(let digest): facts.dataDigest = digest
        case .failure(let error): facts.dataTrouble = error.message
        }
        return (facts, listener)
    }

    /// Files that the job names, and the digest of its data.
    private static func data(_ job: JobSpecification) async -> Result<String, OobleckError> {
        await withCheckedContinuation { continuation in
            do {
                try SystemThread.start(stackBytes: 4 << 20) {
                    continuation.resume(
                        returning: Result(catching: { () throws(OobleckError) in
                            try digest(job)
                        })
                    )
                }
            } catch {
                let reason = OobleckError(.internalFault, "\(error)")
                continuation.resume(returning: .failure(reason))
            }
        }
    }

    private static func digest(_ job: JobSpecification) throws(OobleckError) -> String {
        do {
            for path in job.foldersOfModel where !FileManager.default.fileExists(atPath: path) {
                throw OobleckError(.inputData, "\(path) is not there")
            }
            // Workers compare the digests of validation data; here they only have to be there and to fit.
            _ = try ValidationData.load(job)
            return try TrainingData.load(job).digest()
        } catch let error as OobleckError {
            throw error
        } catch {
            throw OobleckError(.inputData, "\(error)")
        }
    }

    private static func torch(
        _ device: DeviceKind,
        _ executables: Executables
    ) async -> Result<DeviceFacts, OobleckError> {
        let folder =
            FileManager.default.temporaryDirectory.path + "/oobleck-check-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            defer { do { try FileManager.default.removeItem(atPath: folder) } catch {} }
            let path = folder + "/facts.json"
            let task = WorkerTask(
                executables: executables,
                arguments: ["doctor", "--device", device.rawValue, "--output", path],
                logPath: folder + "/doctor.log",
                deadline: torchDeadline,
                keepsLog: false
            )
            try await task.run()
            return .success(
                try JSONDecoder().decode(DeviceFacts.self, from: InputFile.data(path))
            )
        } catch let error as OobleckError {
            return .failure(error)
        } catch {
            return .failure(OobleckError(.internalFault, "\(error)"))
        }
    }
}

extension JobSpecification {
    /// Folders besides the data that every node reads.
    var foldersOfModel: [String] {
        var folders = initialWeightsPath.map { [$0] } ?? []
        if case .imported(let model) = model { folders.append(model.path) }
        return folders
    }
}
