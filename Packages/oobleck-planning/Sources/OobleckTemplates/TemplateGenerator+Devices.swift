import OobleckValues

extension TemplateGenerator {
    /// How pipelines of these sizes use the devices of their nodes, for the reason of a plan:
    /// `one device a stage, 1 of 6 idle`; `nil` where devices share stages or a node has one.
    public func devicesPhrase(_ sizes: [Int], of templates: TemplateSet) -> String? {
        guard !sharesStages else { return nil }
        let devices = sizes.reduce(0, +) * devicesPerNode
        let used = sizes.reduce(0) { sum, size in
            sum + (templates.template(nodes: size)?.stages.reduce(0) { $0 + $1.devices } ?? 0)
        }
        let idle = used < devices ? ", \(devices - used) of \(devices) idle" : ""
        return "one device a stage\(idle)"
    }
}
