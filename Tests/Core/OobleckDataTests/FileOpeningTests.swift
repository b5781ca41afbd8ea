import Foundation
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct FileOpeningTests {
    @Test(
        "no other way to open a file is left in the sources",
        arguments: ["Sources", "Packages/oobleck-planning/Sources"]
    )
    func onlyWay(folder: String) throws {
        let ways = [
            "contentsOfFile:", "Data(contentsOf:", "contents(atPath:", "FileHandle(forReading",
            "fopen(", "fromPEMFile(",
        ]
        // Readers of /proc and /sys go by SystemFile; drills and fuzzers read what they wrote.
        let sources = URL(fileURLWithPath: Checkout.path + "/" + folder)
        let files = try #require(FileManager.default.enumerator(atPath: sources.path))
        for case let name as String in files where name.hasSuffix(".swift") {
            guard name != "Core/OobleckData/SystemFile.swift",
                !name.hasPrefix("Verification/OobleckFuzz/"),
                !name.hasPrefix("Verification/OobleckDrills/")
            else { continue }
            let text = try String(contentsOf: sources.appendingPathComponent(name), encoding: .utf8)
            for way in ways {
                #expect(!text.contains(way), "\(name) opens a file by \(way)...; use OpenFile")
            }
        }
    }
}
