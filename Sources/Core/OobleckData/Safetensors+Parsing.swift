import Foundation
import OobleckCore

extension Safetensors.Header {
    /// Reads the JSON of a header that has a data section of `dataSize` bytes behind it.
    ///
    /// Everything in the file is checked. Names must be unique. Every tensor must have a known type
    /// and a shape whose size is that of its data. The data must follow those of the previous
    /// tensor without gap or overlap, up to the end of the file. Throws `.inputData` with the path
    /// otherwise.
    package init(parsing json: [UInt8], dataSize: Int, path: String) throws {
        let fields = try Self.fields(json, path: path)
        var tensors: [Safetensors.Tensor] = []
        for name in fields.keys where name != Self.metadataKey {
            tensors.append(try Self.tensor(name, fields[name] ?? .null, path: path))
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
        let metadata = try Self.metadata(fields[Self.metadataKey], path: path)
        self.init(validTensors: tensors, metadata: metadata)
    }

    private static let metadataKey = "__metadata__"

    private static func fields(_ json: [UInt8], path: String) throws -> JSONValue.Fields {
        do {
            let value = try JSONValue(parsing: json, path: "header", allowsMark: false)
            guard let fields = value.fields else {
                throw OobleckError(.inputData, "it is \(value), not an object")
            }
            return fields
        } catch let error as OobleckError {
            throw OobleckError(
                .inputData,
                "\(path): the safetensors header is invalid: \(error.message)"
            )
        }
    }

    private static func metadata(_ value: JSONValue?, path: String) throws -> [String: String] {
        guard let value, value != .null else { return [:] }
        let fields = value.fields
        var metadata: [String: String] = [:]
        for key in fields?.keys ?? [] { metadata[key] = fields?[key]?.string }
        guard let fields, metadata.count == fields.keys.count else {
            throw OobleckError(
                .inputData,
                "\(path): the safetensors header is invalid: \(metadataKey) is no object of texts"
            )
        }
        return metadata
    }

    private static func tensor(
        _ name: String,
        _ value: JSONValue,
        path: String
    ) throws -> Safetensors.Tensor {
        func fail(_ message: String) -> OobleckError {
            OobleckError(.inputData, "\(path): tensor \(name) \(message)")
        }
        func integers(_ key: String) throws -> [Int] {
            let found = value.fields?[key]
            let numbers = found?.array?.map(\.integer) ?? [nil]
            guard !numbers.contains(nil) else {
                throw fail("has \(key) \(found ?? .null); it must be a list of whole numbers")
            }
            return numbers.compactMap { $0 }
        }
        guard let dtype = value.fields?["dtype"]?.string else { throw fail("has no dtype") }
        let (shape, offsets) = (try integers("shape"), try integers("data_offsets"))
        guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1] else {
            throw fail("has data_offsets \(offsets); they must be [begin, end]")
        }
        guard let elementType = Safetensors.ElementType(rawValue: dtype) else {
            let known = Safetensors.ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            throw fail("has the unknown dtype \(dtype); known are \(known)")
        }
        var bits = elementType.bits
        for dimension in shape {
            let (product, overflows) = bits.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflows else {
                throw fail("has the impossible shape \(shape)")
            }
            bits = product
        }
        let size = offsets[1] - offsets[0]
        if bits % 8 != 0 || bits / 8 != size {
            let needed = bits % 8 == 0 ? "\(bits / 8)" : "\(bits) bits"
            throw fail(
                "has \(counted(size, "byte")) of data; shape \(shape) of \(dtype) takes \(needed)"
            )
        }
        return Safetensors.Tensor(
            name: name,
            elementType: elementType,
            shape: shape,
            dataRange: offsets[0]..<offsets[1]
        )
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
