import OobleckCore

/// Reads hostfiles: one machine a line, `#` begins a comment.
///
///     node1 slots=2 port=2222 address=10.0.0.7      ours; DeepSpeed's and MPI's without the last two
///     node1 10.0.0.7 0,1                            Oobleck's: name, ssh address, devices
///
/// Only the name is required. A host may stand in several lines with different ports, for containers of
/// one machine: they are then called `host:port`.
package enum Hostfile {
    /// The most hosts, devices of a host, and characters of a name.
    package static let mostHosts = 4096
    package static let mostSlots = 64
    private static let longestName = 253

    private static let keys = ["slots", "port", "address", "devices"]

    /// The hosts in the order of their lines.
    ///
    /// Throws `.inputData` with one line for the first mistake: `file:line`, and what would be right.
    package static func parse(_ text: String, path: String) throws -> [HostEntry] {
        var hosts: [(entry: HostEntry, line: Int)] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let content = line.prefix { $0 != "#" }
            let words = content.split(whereSeparator: \.isWhitespace).map(String.init)
            guard !words.isEmpty else { continue }
            do {
                hosts.append((try entry(words), index + 1))
            } catch let mistake as Mistake {
                throw OobleckError(.inputData, "\(path):\(index + 1): \(mistake.text)")
            }
            guard hosts.count <= mostHosts else {
                throw OobleckError(.inputData, "\(path) has more than \(mostHosts) hosts")
            }
        }
        guard !hosts.isEmpty else {
            throw OobleckError(
                .inputData,
                "\(path) names no host; write one a line, as in: node1 slots=1"
            )
        }
        return try distinct(hosts, path)
    }

    private struct Mistake: Error {
        let text: String

        init(_ text: String) { self.text = text }
    }

    private static func entry(_ words: [String]) throws -> HostEntry {
        let first = try checked(words[0])
        // The user is for ssh alone.
        let user = first.split(separator: "@", omittingEmptySubsequences: false)
        guard user.count <= 2, !user.contains(""), let host = user.last else {
            throw Mistake("the host is \"\(first)\"; with a user it is written user@host")
        }
        let name = String(host)
        let rest = words.dropFirst()
        if rest.count == 2, !rest.contains(where: { $0.contains("=") }) {
            return HostEntry(
                name: name,
                destination: try checked(words[1]),
                slots: try devices(words[2], "the list of devices")
            )
        }
        var entry = HostEntry(name: name, destination: first)
        var isGiven: Set<String> = []
        var count: Int?
        for word in rest {
            let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(pair[0])
            guard pair.count == 2, keys.contains(key) else { throw unknown(word, key: key) }
            guard isGiven.insert(key).inserted else { throw Mistake("\(key) stands there twice") }
            let value = String(pair[1])
            switch key {
            case "slots": count = try number(value, key, 1...mostSlots)
            case "port": entry.port = try number(value, key, 1...65535)
            case "devices": entry.slots = try devices(value, key)
            default: entry.address = try checked(value, "address")
            }
        }
        if let count {
            guard !isGiven.contains("devices") || entry.slots.count == count else {
                throw Mistake("slots=\(count), but \(entry.slots.count) devices are listed")
            }
            if !isGiven.contains("devices") { entry.slots = Array(0..<count) }
        }
        return entry
    }

    private static func unknown(_ word: String, key: String) -> Mistake {
        let right = "after the host come slots=N, port=N, address=ADDRESS and devices=N,N"
        guard word.contains("=") else { return Mistake("cannot read \"\(word)\"; \(right)") }
        return Mistake("unknown key \"\(key)\"; \(right)")
    }

    private static func number(
        _ text: String,
        _ key: String,
        _ range: ClosedRange<Int>
    ) throws -> Int {
        guard let number = Int(text), range.contains(number), !text.hasPrefix("+") else {
            throw Mistake(
                "\(key) is \"\(text)\"; it must be from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    private static func devices(_ text: String, _ what: String) throws -> [Int] {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0).flatMap { 0..<mostSlots ~= $0 ? $0 : nil }
        }
        let known = numbers.compactMap { $0 }
        guard known.count == numbers.count, Set(known).count == known.count else {
            throw Mistake(
                "\(what) is \"\(text)\"; it must be different numbers below \(mostSlots), as in 0,1"
            )
        }
        return known
    }

    /// A host as ssh takes it; nothing that ssh or a shell would take for something else.
    private static func checked(_ text: String, _ what: String = "the host") throws -> String {
        let others = Set("._-:@%[]")
        let isPlain = text.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber) || others.contains($0)
        }
        guard isPlain, !text.hasPrefix("-"), text != ".", text != "..",
            text.count <= longestName
        else {
            throw Mistake(
                "\(what) is \"\(text)\"; it must be a name or an address, as node1, user@node1 or "
                    + "10.0.0.7"
            )
        }
        return text
    }

    private static func distinct(
        _ hosts: [(entry: HostEntry, line: Int)],
        _ path: String
    ) throws -> [HostEntry] {
        let lines = Dictionary(grouping: hosts, by: \.entry.name)
        var seen: [String: Int] = [:]
        return try hosts.map { host in
            var entry = host.entry
            if lines[entry.name]?.count ?? 0 > 1 { entry.name += ":\(entry.port ?? 22)" }
            if let first = seen[entry.name] {
                throw OobleckError(
                    .inputData,
                    "\(path):\(host.line): \(host.entry.name) stands in line \(first) already; one "
                        + "line a host, or different ports"
                )
            }
            seen[entry.name] = host.line
            return entry
        }
    }
}
