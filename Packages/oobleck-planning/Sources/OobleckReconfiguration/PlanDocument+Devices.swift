public import OobleckValues

extension PlanDocument {
    /// The layers that each worker with a stage holds under the plan, ascending.
    public var layersByWorker: [WorkerID: [Int]] {
        plan.layersByWorker { template(nodes: $0.templateNodes) }
    }

    /// The plan with its copies from device to device, given the layers that each worker holds.
    ///
    /// Plans are decided for nodes. A copy between nodes goes from the device that holds the layer to
    /// the one that gets it. A layer that stays on its node and changes its device is copied inside
    /// the node. With one device a node nothing changes.
    public func fromDeviceToDevice(
        _ holdings: [WorkerID: Set<Int>],
        layers: [LayerProfile]
    ) -> PlanDocument {
        guard devicesPerNode > 1 else { return self }
        func holder(_ layer: Int, on node: NodeID) -> WorkerID? {
            (0..<devicesPerNode).map { WorkerID(node, device: $0) }
                .first { holdings[$0]?.contains(layer) == true }
        }
        var sources: [NodeID: [Int: NodeID]] = [:]
        for copy in transfers { sources[copy.toNode, default: [:]][copy.layer] = copy.fromNode }
        var document = self
        document.transfers = layersByWorker.sorted { $0.key < $1.key }.flatMap { worker, wanted in
            wanted.compactMap { layer in
                guard holdings[worker]?.contains(layer) != true else { return nil }
                let source = sources[worker.node]?[layer] ?? worker.node
                guard let sender = holder(layer, on: source) else { return nil }
                return LayerTransfer(
                    layer: layer,
                    from: sender,
                    to: worker,
                    bytes: layers[layer].stateBytes
                )
            }
        }
        return document
    }
}
