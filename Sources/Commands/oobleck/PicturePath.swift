import Foundation
import OobleckCore

/// Where a picture is to be written.
enum PicturePath {
    /// Throws `.usage` unless the name ends as the files of a format that is written: SVG.
    static func check(_ path: String, option: String) throws {
        let ending = URL(fileURLWithPath: path).pathExtension
        guard ending.lowercased() != "svg" else { return }
        let what = ending.isEmpty ? "has no ending" : "ends in .\(ending)"
        throw OobleckError(
            .usage,
            "\(option) \(path) \(what); pictures are written as SVG: name a file that ends in .svg, "
                + "which browsers show and rsvg-convert turns into PNG or PDF"
        )
    }
}
