/// Files of token ids as other programs write them.
enum CorpusFixture {
    /// Little-endian numbers of `width` bytes.
    static func binary(_ numbers: [Int], width: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: numbers.count * width)
        for (index, number) in numbers.enumerated() {
            for place in 0..<width {
                bytes[index * width + place] = UInt8(truncatingIfNeeded: number >> (8 * place))
            }
        }
        return bytes
    }

    /// A NumPy file of version 1.0.
    static func numpy(_ type: String, _ shape: String, _ data: [UInt8]) -> [UInt8] {
        let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
        let header = text + String(repeating: " ", count: 117 - text.count) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8) + data
    }

    /// The index of a Megatron-LM data set, as `_IndexWriter` of `indexed_dataset.py` packs it.
    ///
    /// `places` are those of sequences one after the other unless given.
    static func megatron(
        code: Int,
        width: Int,
        lengths: [Int],
        places: [Int]? = nil,
        documents: [Int]? = nil,
        version: Int = 1
    ) -> [UInt8] {
        let starts = lengths.indices.map { lengths[..<$0].reduce(0, +) * width }
        let documents = documents ?? [0, lengths.count]
        return Array("MMIDIDX\0\0".utf8) + binary([version], width: 8) + [UInt8(code)]
            + binary([lengths.count, documents.count], width: 8) + binary(lengths, width: 4)
            + binary(places ?? starts, width: 8) + binary(documents, width: 8)
    }
}
