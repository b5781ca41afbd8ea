/// A format that is recognised by a file's first bytes, and that this program cannot read there.
///
/// Marks are so long that token ids contain them with a probability below 2^-32.
public struct FileFormat: Hashable, Sendable {
    /// As in "it is NAME".
    public let name: String
    /// What would make the file usable.
    public let remedy: String

    /// The number of first bytes that are needed to recognise a format.
    public static let startSize = 4096

    /// The format of a file that begins with `start` and has `size` bytes; `nil` is none that is
    /// known.
    public init?(start: [UInt8], size: Int) {
        guard let format = Self.marked(start) ?? Self.structured(start, size) else { return nil }
        self = format
    }

    /// The wide encoding of a text, by its byte order mark or, without one, by where it has zeros.
    public static func wideText(_ bytes: [UInt8]) -> FileFormat? {
        let marks: [([UInt8], String)] = [
            ([0xFF, 0xFE, 0, 0], "UTF-32LE"), ([0, 0, 0xFE, 0xFF], "UTF-32BE"),
            ([0xFF, 0xFE], "UTF-16LE"), ([0xFE, 0xFF], "UTF-16BE"),
        ]
        let marked = marks.first { bytes.starts(with: $0.0) }?.1
        guard let encoding = marked ?? widthByZeros(bytes) else { return nil }
        return FileFormat(
            name: "\(encoding) text",
            remedy: "convert it: iconv -f \(encoding) -t UTF-8 OLD > NEW"
        )
    }

    private init(name: String, remedy: String) {
        self.name = name
        self.remedy = remedy
    }

    /// Western text in a wide encoding has its zeros in the same place of every unit, nearly.
    private static func widthByZeros(_ bytes: [UInt8]) -> String? {
        let start = bytes.prefix(startSize)
        guard start.count >= 4, start.contains(0) else { return nil }
        func share(_ stride: Int, _ offset: Int) -> Double {
            let places = Swift.stride(from: offset, to: start.count, by: stride)
            let zeros = places.count { start[$0] == 0 }
            return Double(zeros) / Double(max(1, start.count / stride))
        }
        switch (share(4, 0), share(4, 1), share(4, 2), share(4, 3)) {
        case (..<0.3, 0.7..., 0.9..., 0.9...): return "UTF-32LE"
        case (0.9..., 0.9..., 0.7..., ..<0.3): return "UTF-32BE"
        case (..<0.3, 0.7..., ..<0.3, 0.7...): return "UTF-16LE"
        case (0.7..., ..<0.3, 0.7..., ..<0.3): return "UTF-16BE"
        default: return nil
        }
    }

    private static func marked(_ bytes: [UInt8]) -> FileFormat? {
        marks.first { $0.place >= 0 && bytes.dropFirst($0.place).starts(with: $0.mark) }?.format
    }

    /// Formats whose mark alone is too short to tell them from token ids.
    private static func structured(_ bytes: [UInt8], _ size: Int) -> FileFormat? {
        func word(_ offset: Int) -> Int {
            guard bytes.count >= offset + 4 else { return -1 }
            return (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        // Compression method, flags, extra flags, system (RFC 1952).
        if bytes.count >= 18, bytes.starts(with: [0x1F, 0x8B, 8]), bytes[3] & 0xE0 == 0,
            [0, 2, 4].contains(bytes[8]), bytes[9] <= 13 || bytes[9] == 255
        {
            return FileFormat(name: "gzip data", remedy: "unpack it: gunzip")
        }
        // A version below 10.0 and a known method.
        if bytes.count >= 22, bytes.starts(with: [0x50, 0x4B, 3, 4]), bytes[4] < 100, bytes[5] < 20
        {
            return FileFormat(
                name: "a zip archive (as .npz, .docx and PyTorch's .pt are, too)",
                remedy: "unpack it, or write what is in it as text or token ids"
            )
        }
        // llm.c: magic, version, count of tokens, in a header of 1,024 bytes; both magics.
        if [20_240_520, 20_240_801].contains(word(0)), size >= 1024, word(4) < 100 {
            let width = size == 1024 + 4 * word(8) ? 4 : 2
            return FileFormat(
                name: "a token file of llm.c with a header of 1,024 bytes",
                remedy: "cut the header off: tail -c +1025 OLD > NEW.bin, and say "
                    + "data.token_bytes: \(width)"
            )
        }
        // The length of the header, then JSON.
        if bytes.count >= 10, word(4) == 0, (2...size - 8).contains(word(0)),
            bytes[8] == 0x7B,
            bytes[9] == 0x22
        {
            return FileFormat(
                name: "a safetensors file",
                remedy: "weights go to model.initial_weights, as their folder"
            )
        }
        return nil
    }

    private static let unpack = "unpack it first"
    private static let export = "write its texts or token ids to a file of their own"

    private static let marks: [(place: Int, mark: [UInt8], format: FileFormat)] = [
        (
            0, [0x93] + Array("NUMPY".utf8),
            FileFormat(name: "a NumPy array", remedy: "it is read as data.corpus")
        ),
        (
            0, Array("MMIDIDX\0\0".utf8),
            FileFormat(
                name: "the index of a Megatron dataset",
                remedy: "it is read under the name NAME.idx, beside its NAME.bin"
            )
        ),
        (0, Array("PAR1".utf8), FileFormat(name: "a Parquet file", remedy: export)),
        (0, Array("ARROW1\0\0".utf8), FileFormat(name: "an Arrow file", remedy: export)),
        (0, [0xFF, 0xFF, 0xFF, 0xFF], FileFormat(name: "an Arrow stream", remedy: export)),
        (
            0, Array("\u{89}HDF\r\n\u{1A}\n".unicodeScalars.map { UInt8($0.value) }),
            FileFormat(name: "an HDF5 file", remedy: export)
        ),
        (0, Array("SQLite format 3\0".utf8), FileFormat(name: "an SQLite file", remedy: export)),
        (
            0, [0x28, 0xB5, 0x2F, 0xFD],
            FileFormat(name: "Zstandard data", remedy: "unpack it: unzstd")
        ),
        (0, [0xFD] + Array("7zXZ\0".utf8), FileFormat(name: "xz data", remedy: "unpack it: unxz")),
        (
            0, Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C],
            FileFormat(name: "a 7-Zip archive", remedy: unpack)
        ),
        (
            4, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
            FileFormat(name: "bzip2 data", remedy: "unpack it: bunzip2")
        ),
        (0, [0x04, 0x22, 0x4D, 0x18], FileFormat(name: "LZ4 data", remedy: "unpack it: unlz4")),
        (257, Array("ustar".utf8), FileFormat(name: "a tar archive", remedy: unpack)),
        (0, Array("%PDF-".utf8), FileFormat(name: "a PDF", remedy: export)),
    ]
}
