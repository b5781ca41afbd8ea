import Foundation
import OobleckCoordination
import OobleckCore
import OobleckWire

/// A message that is not as the protocol says.
func malformed(_ name: String, _ what: String) -> OobleckError {
    OobleckError(.internalFault, "malformed control message \(name): \(what)")
}

/// A count or number that cannot be negative.
func index(_ value: Int64, _ name: String) throws -> Int {
    guard (0...WireBounds.number).contains(value) else {
        throw malformed(name, "is \(value); it must be from 0 to \(WireBounds.number)")
    }
    return Int(value)
}

func generation(_ value: Int64, _ name: String) throws -> Generation {
    Generation(try index(value, "\(name).generation"))
}

/// The wire numbers layers and microbatches with 32 bits, far above what any plan has.
func byWireIndex<Value>(_ values: [Int: Value]) -> [Int32: Value] {
    Dictionary(uniqueKeysWithValues: values.map { (Int32($0.key), $0.value) })
}

func byIndex<Value>(_ values: [Int32: Value], _ name: String) throws -> [Int: Value] {
    guard values.count <= WireBounds.entries else {
        throw malformed(
            name,
            "has \(counted(values.count, "entry")); it may have \(WireBounds.entries)"
        )
    }
    var result: [Int: Value] = [:]
    for (key, value) in values { result[try index(Int64(key), name)] = value }
    return result
}

func json(_ value: some Encodable) throws -> Data { try JSONEncoder().encode(value) }

func decoded<Value: Decodable>(_ data: Data, _ name: String) throws -> Value {
    do {
        return try JSONDecoder().decode(Value.self, from: data)
    } catch {
        throw malformed(name, "\(error)".split(separator: "\n").joined(separator: " "))
    }
}

extension WireHello {
    init(_ hello: SessionHello) {
        self.init()
        pid = Int64(hello.pid)
        protocolVersion = hello.protocolVersion
        isReturning = hello.isReturning
        if let node = hello.node { self.node = Int64(node.rawValue) }
        device = Int64(hello.device)
        nodeName = hello.nodeName
        machine = hello.machine
        programVersion = hello.programVersion
        openFileLimit = Int64(hello.openFileLimit)
        if let testimony = hello.testimony { self.testimony = WireTestimony(testimony) }
    }

    func hello() throws -> SessionHello {
        SessionHello(
            node: hasNode ? NodeID(try index(node, "Hello.node")) : nil,
            device: try index(device, "Hello.device"),
            pid: try index(pid, "Hello.pid"),
            protocolVersion: protocolVersion,
            nodeName: nodeName,
            machine: machine,
            programVersion: programVersion,
            openFileLimit: try index(openFileLimit, "Hello.open_file_limit"),
            isReturning: isReturning,
            testimony: hasTestimony ? try testimony.testimony() : nil
        )
    }
}

extension WireRendezvousKey {
    init(_ rendezvous: Rendezvous) {
        self.init()
        generation = Int64(rendezvous.generation.rawValue)
        key = rendezvous.key
        value = Data(rendezvous.value)
    }

    func rendezvous() throws -> Rendezvous {
        guard value.count <= WireBounds.valueBytes else {
            throw malformed(
                "RendezvousKey.value",
                "has \(counted(value.count, "byte")); it may have \(WireBounds.valueBytes)"
            )
        }
        return Rendezvous(
            generation: try OobleckTransport.generation(generation, "RendezvousKey"),
            key: try bounded(key, WireBounds.keyBytes, "RendezvousKey.key"),
            value: Array(value)
        )
    }
}

extension WireLine {
    init(reason: String) {
        self.init()
        self.reason = reason
    }
}

extension WireAdmission {
    init(node: NodeID, detectionBudget: Seconds, coordinatorWait: Seconds) {
        self.init()
        self.node = Int64(node.rawValue)
        detectionBudgetSeconds = detectionBudget.value
        coordinatorWaitSeconds = coordinatorWait.value
    }

    /// Workers that an agent is to start.
    func workers() throws -> Int {
        guard (0...Int64(ClusterSpecification.mostDevicesPerNode)).contains(devices) else {
            let most = ClusterSpecification.mostDevicesPerNode
            throw malformed("Admission", "has \(devices) devices a node; it may have \(most)")
        }
        return max(1, Int(devices))
    }

    /// The level to compute at; `nil` leaves it to the node.
    func level() throws -> CPULevel? {
        guard !cpuLevel.isEmpty else { return nil }
        guard let level = CPULevel(rawValue: cpuLevel) else {
            throw malformed("Admission", "cpu level is \(line(String(cpuLevel.prefix(20))))")
        }
        return level
    }

    func admission() throws -> (node: NodeID, detectionBudget: Seconds, coordinatorWait: Seconds) {
        guard detectionBudgetSeconds > 0, detectionBudgetSeconds <= WireBounds.budget.value else {
            throw malformed("Admission", "detection budget is \(detectionBudgetSeconds)")
        }
        guard coordinatorWaitSeconds >= 0, coordinatorWaitSeconds <= 604_800 else {
            throw malformed("Admission", "coordinator wait is \(coordinatorWaitSeconds)")
        }
        let wait =
            coordinatorWaitSeconds > 0
            ? Seconds(coordinatorWaitSeconds) : ClusterSpecification.defaultCoordinatorWait
        return (NodeID(try index(node, "Admission.node")), Seconds(detectionBudgetSeconds), wait)
    }
}

extension WireArithmetic {
    init(_ arithmetic: Arithmetic) {
        self.init()
        fingerprint = arithmetic.fingerprint
        processor = arithmetic.processor
        library = arithmetic.library
        settings = arithmetic.settings
    }

    func arithmetic() throws -> Arithmetic {
        func text(_ value: String, _ name: String) throws -> String {
            line(try bounded(value, WireBounds.digestBytes, "Arithmetic.\(name)"))
        }
        return Arithmetic(
            fingerprint: try text(fingerprint, "fingerprint"),
            processor: try text(processor, "processor"),
            library: try text(library, "library"),
            settings: try text(settings, "settings")
        )
    }
}
