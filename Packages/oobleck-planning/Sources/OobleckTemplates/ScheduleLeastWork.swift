import OobleckValues

/// The least work and handovers, there and back, on each side of a stage (cost model `schedule`):
/// no stages over the given devices and layers take less together.
///
/// Where a node has one device and links are free, all divisions of some layers work alike. Else
/// the least is found by dynamic programming over (devices, layers): O(D L^2 log G).
struct ScheduleLeastWork {
    private let stride: Int
    /// By devices used and layers before the stage; `nil` where all divisions work alike.
    private var before: [Double]?
    /// By devices left and the first layer behind the stage.
    private var after: [Double]?
    /// The work of the layers before the index, where all divisions work alike.
    private let prefix: [Double]

    init(costs: StageCosts, stages: SearchStages, devices: Int) {
        let count = stages.layerCount
        stride = count + 1
        prefix = stages.leastWorkBefore
        let ways = (0...count).map { costs.handover(before: $0).thereAndBack }
        guard costs.devicesPerNode > 1 || ways.contains(where: { $0 > 0 }) else { return }
        var before = [Double](repeating: .infinity, count: (devices + 1) * stride)
        var after = before
        before[0] = 0
        after[count] = 0
        for done in Swift.stride(from: 1, through: devices, by: 1) {
            let meets = done % stages.devicesPerNode == 0
            let filled = done % stages.devicesPerNode
            let room = filled == 0 ? stages.devicesPerNode : filled
            for (widthIndex, width) in stages.widths.enumerated() where width <= room {
                let other = (done - width) * stride
                for first in 0..<count {
                    let row = stages.row(widthIndex, first)
                    let here = before[other + first]
                    var least = after[done * stride + first]
                    for end in (first + 1)...count {
                        let work = stages.works[row + end]
                        let way = meets ? ways[end] : 0
                        before[done * stride + end] = min(
                            before[done * stride + end],
                            here + work + way
                        )
                        least = min(least, work + after[other + end])
                    }
                    after[done * stride + first] = least
                }
            }
            guard meets else { continue }
            // The way to the stages behind is between two nodes.
            for first in 0..<count { after[done * stride + first] += ways[first] }
        }
        self.before = before
        self.after = after
    }

    /// Before a stage that begins at layer `first` after `devicesUsed` devices, with the handover
    /// to it.
    func before(_ devicesUsed: Int, _ first: Int) -> Double {
        before?[devicesUsed * stride + first] ?? prefix[first]
    }

    /// After a stage that ends at layer `end` with `devicesLeft` devices left, with the handover to
    /// them.
    func after(_ devicesLeft: Int, _ end: Int) -> Double {
        after?[devicesLeft * stride + end] ?? prefix[stride - 1] - prefix[end]
    }
}

extension Handover {
    /// Activations there and their gradient back, in seconds.
    var thereAndBack: Double { 2 * (busy.value + latency.value) }
}
