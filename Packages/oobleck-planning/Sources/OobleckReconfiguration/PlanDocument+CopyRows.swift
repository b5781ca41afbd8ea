import OobleckValues

/// Consecutive layers that one worker copies to another, as text for a table.
package struct CopyRow: Hashable, Sendable {
    package var layers: String
    package var from: String
    package var to: String
    package var bytes: String
}

extension PlanDocument {
    /// The transfers as rows of a table, the heading first; without a profile no bytes are known.
    package var copyRows: [CopyRow] {
        var runs: [[LayerTransfer]] = []
        for transfer in transfers {
            if let last = runs.last?.last, last.sender == transfer.sender,
                last.receiver == transfer.receiver, last.layer + 1 == transfer.layer
            {
                runs[runs.count - 1].append(transfer)
            } else {
                runs.append([transfer])
            }
        }
        let heading = CopyRow(layers: "layers", from: "from", to: "to", bytes: "bytes")
        return [heading]
            + runs.map { run in
                let bytes = run.reduce(ByteCount.zero) { $0 + $1.bytes }
                return CopyRow(
                    layers: rangesPhrase(run.map(\.layer)),
                    from: "\(run[0].sender)",
                    to: "\(run[0].receiver)",
                    bytes: bytes == 0 ? "unknown" : "\(bytes)"
                )
            }
    }
}
