import OobleckData

/// Files with one column, byte by byte as the formats say, not as our own writers do it.
enum ColumnFixture {
    /// A `.npy` file (numpy.lib.format).
    static func npy(
        _ type: String,
        _ shape: [Int],
        _ data: [UInt8],
        version: UInt8 = 1,
        order: String = "False"
    ) -> [UInt8] {
        let sizes =
            shape.count == 1 ? "\(shape[0])," : shape.map(String.init).joined(separator: ", ")
        return npy(
            header: "{'descr': '\(type)', 'fortran_order': \(order), 'shape': (\(sizes)), }",
            data,
            version: version
        )
    }

    /// A `.npy` file with a header of one's own.
    static func npy(header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let start = version == 1 ? 10 : 12
        var text = Array(header.utf8)
        while !(start + text.count + 1).isMultiple(of: 64) { text.append(0x20) }
        text.append(0x0A)
        let length = little(text.count, start - 8)
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
    }

    /// A safetensors file.
    static func safetensors(_ columns: [(String, String, [Int], [UInt8])]) -> [UInt8] {
        var (fields, data): ([String], [UInt8]) = ([], [])
        for (name, type, shape, bytes) in columns {
            fields.append(
                "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),"
                    + "\"data_offsets\":[\(data.count),\(data.count + bytes.count)]}"
            )
            data += bytes
        }
        let header = Array("{\(fields.joined(separator: ","))}".utf8)
        return little(header.count, 8) + header + data
    }

    /// The lowest bytes of a number, lowest first.
    static func little(_ number: Int, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// Numbers of so many bytes, lowest first.
    static func numbers(_ values: [Int], _ bytes: Int) -> [UInt8] {
        values.flatMap { little($0, bytes) }
    }
}
