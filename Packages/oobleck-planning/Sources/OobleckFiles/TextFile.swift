import OobleckValues

/// Small files of text, read whole.
public enum TextFile {
    /// Throws `.inputData` when the file cannot be read or is not UTF-8.
    public static func read(
        _ path: String,
        as role: String? = nil,
        atMost limit: Int = InputFile.largestDocument
    ) throws -> String {
        let bytes = try InputFile.bytes(path, as: role, atMost: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let format =
                FileFormat.wideText(bytes) ?? FileFormat(start: bytes, size: bytes.count)
            let found = format.map { "it is \($0.name); \($0.remedy)" }
            throw OobleckError(
                .inputData,
                "\(path) is not UTF-8 text: \(found ?? "convert it to UTF-8")"
            )
        }
        return text
    }
}
