import Foundation
import OobleckCore

extension Safetensors.Header {
    /// Reads the JSON of a header that has a data section of `dataSize` bytes behind it.
    ///
    /// Nothing in the file is believed: every tensor must have a known type, a shape whose size is
    /// that of its data, and data that follow the previous tensor's without gap or overlap up to
    /// the end of the file. Throws `.inputData` with the path otherwise.
    package init(parsing json: [UInt8], dataSize: Int, path: String) throws {
        let raw: RawHeader
        do {
            raw = try JSONDecoder().decode(RawHeader.self, from: Data(json))
        } catch {
            throw OobleckError(
                .inputData,
                "\(path): the safetensors header is invalid: \(oneLine(error))"
            )
        }
        var tensors: [Safetensors.Tensor] = []
        for (name, entry) in raw.tensors {
            tensors.append(try Self.tensor(name, entry, path: path))
        }
        tensors.sort {
            ($0.dataRange.lowerBound, $0.dataRange.upperBound, $0.name)
                < ($1.dataRange.lowerBound, $1.dataRange.upperBound, $1.name)
        }
        var end = 0
        for tensor in tensors {
            guard tensor.dataRange.lowerBound == end else {
                let fault = tensor.dataRange.lowerBound < end ? "overlap" : "leave a gap after"
                throw OobleckError(
                    .inputData,
                    "\(path): the data of tensor \(tensor.name) start at "
                        + "\(tensor.dataRange.lowerBound) and \(fault) those that end at \(end)"
                )
            }
            end = tensor.dataRange.upperBound
        }
        guard end == dataSize else {
            throw OobleckError(
                .inputData,
                "\(path): the data section has \(counted(dataSize, "byte")); its header describes \(end)"
            )
        }
        self.init(validTensors: tensors, metadata: raw.metadata)
    }

    private static func tensor(
        _ name: String,
        _ entry: RawHeader.Entry,
        path: String
    ) throws -> Safetensors.Tensor {
        func fail(_ message: String) -> OobleckError {
            OobleckError(.inputData, "\(path): tensor \(name) \(message)")
        }
        guard let elementType = Safetensors.ElementType(rawValue: entry.dtype) else {
            let known = Safetensors.ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            throw fail("has the unknown dtype \(entry.dtype); known are \(known)")
        }
        guard entry.offsets.count == 2, entry.offsets[0] >= 0, entry.offsets[0] <= entry.offsets[1]
        else {
            throw fail("has data_offsets \(entry.offsets); they must be [begin, end]")
        }
        var size = elementType.width
        for dimension in entry.shape {
            let (product, overflows) = size.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflows else {
                throw fail("has the impossible shape \(entry.shape)")
            }
            size = product
        }
        guard entry.offsets[1] - entry.offsets[0] == size else {
            throw fail(
                "has \(counted(entry.offsets[1] - entry.offsets[0], "byte")) of data; "
                    + "shape \(entry.shape) of \(entry.dtype) takes \(size)"
            )
        }
        return Safetensors.Tensor(
            name: name,
            elementType: elementType,
            shape: entry.shape,
            dataRange: entry.offsets[0]..<entry.offsets[1]
        )
    }
}

/// A header as it stands in the file, before any check.
private struct RawHeader: Decodable {
    struct Entry: Decodable {
        let dtype: String
        let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype
            case shape
            case offsets = "data_offsets"
        }
    }

    struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }

    var tensors: [(String, Entry)] = []
    var metadata: [String: String] = [:]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for name in container.allKeys {
            if name.stringValue == "__metadata__" {
                metadata = try container.decode([String: String].self, forKey: name)
            } else {
                tensors.append((name.stringValue, try container.decode(Entry.self, forKey: name)))
            }
        }
    }
}

/// What a decoder says, on one line.
package func oneLine(_ error: any Error) -> String {
    let text =
        switch error {
        case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            describe(context)
        case DecodingError.keyNotFound(let key, let context):
            describe(context, missing: key)
        default: fileReason(error)
        }
    return text.split(whereSeparator: \.isNewline).joined(separator: " ")
}

private func describe(_ context: DecodingError.Context, missing: (any CodingKey)? = nil) -> String {
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    let prefix = place.isEmpty ? "" : "\(place): "
    if let missing { return "\(prefix)\(missing.stringValue) is missing" }
    return prefix + context.debugDescription
}
