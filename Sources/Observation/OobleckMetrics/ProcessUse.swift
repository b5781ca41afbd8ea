import Foundation
import OobleckCore
import OobleckData

/// What a process has of its machine now, as the kernel tells it.
struct ProcessUse {
    /// Memory that is resident.
    let memory: ByteCount
    /// Time that all its threads had a processor.
    let processor: Seconds

    /// Looks at a process; `nil` when it is gone.
    ///
    /// `processes` is where the kernel tells of processes.
    init?(_ pid: Int32, processes: String = "/proc") {
        let folder = "\(processes)/\(pid)"
        // statm: size resident ..., in pages.
        guard let pages = SystemFile.text(folder + "/statm")?.split(separator: " "),
            pages.count > 1, let resident = Int(pages[1]),
            let line = SystemFile.text(folder + "/stat"), let name = line.lastIndex(of: ")")
        else { return nil }
        // stat: pid (name) state ..., where the name may have spaces; utime and stime are fields 14 and 15.
        let fields = line[name...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13])
        else { return nil }
        memory = ByteCount(resident * sysconf(Int32(_SC_PAGESIZE)))
        processor = Seconds((user + system) / Double(sysconf(Int32(_SC_CLK_TCK))))
    }
}
