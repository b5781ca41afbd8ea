import OobleckCore

/// An open, checked safetensors file.
package final class SafetensorsReader {
    package let path: String
    package let header: Safetensors.Header
    /// Bytes of the whole file.
    package let fileSize: Int
    private let file: OpenFile
    private let dataStart: Int

    /// Opens a file and checks its header against its size.
    ///
    /// Throws `.inputData`.
    package init(_ path: String) throws {
        self.path = path
        file = try OpenFile(path, for: .readInput)
        fileSize = try file.size()
        guard fileSize >= 8 else {
            throw OobleckError(
                .inputData,
                "\(path) has \(counted(fileSize, "byte")); a safetensors file has at least 8"
            )
        }
        let length = try file.read(at: 0, count: 8).reversed().reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }
        guard length <= UInt64(min(fileSize - 8, Safetensors.longestHeader)) else {
            throw OobleckError(
                .inputData,
                "\(path): the safetensors header claims \(counted(length, "byte")) of a file of \(fileSize); "
                    + "it is truncated or no safetensors file"
            )
        }
        dataStart = 8 + Int(length)
        header = try Safetensors.Header(
            parsing: try file.read(at: 8, count: Int(length)),
            dataSize: fileSize - dataStart,
            path: path
        )
    }

    /// The tensor of that name, or an `.inputData` error that names the file.
    package func tensor(named name: String) throws -> Safetensors.Tensor {
        guard let tensor = header.tensor(named: name) else {
            throw OobleckError(.inputData, "\(path) has no tensor \(name)")
        }
        return tensor
    }

    /// All bytes of the data section.
    package func dataSection() throws -> [UInt8] {
        try file.read(at: dataStart, count: fileSize - dataStart)
    }

    /// The bytes of a tensor, as they stand in the file.
    package func bytes(of tensor: Safetensors.Tensor) throws -> [UInt8] {
        try file.read(at: dataStart + tensor.dataRange.lowerBound, count: tensor.dataRange.count)
    }

    /// A tensor as a column, whose first dimension counts samples.
    func column(_ tensor: Safetensors.Tensor) -> DataColumn {
        DataColumn(
            name: tensor.name,
            path: path,
            type: tensor.elementType,
            shape: tensor.shape,
            file: file,
            start: dataStart + tensor.dataRange.lowerBound
        )
    }

    /// The elements of a tensor of floating point numbers as float32, row-major.
    ///
    /// Float16 and bfloat16 are converted exactly; float64 is rounded to nearest, and becomes
    /// infinite beyond float32's range. Throws `.inputData` for any other type.
    package func floats(of tensor: Safetensors.Tensor) throws -> [Float] {
        guard Safetensors.ElementType.readable.contains(tensor.elementType) else {
            let known = Safetensors.ElementType.readable.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(
                .inputData,
                "\(path): tensor \(tensor.name) is \(tensor.elementType.rawValue); it must be one of "
                    + known
            )
        }
        return Safetensors.floats(try bytes(of: tensor), tensor.elementType)
    }

    /// Throws `.inputData` unless the file has exactly these float32 tensors, in this order.
    package func requireTensors(_ expected: [TensorShape]) throws {
        let wanted = Safetensors.Header(tensors: expected).tensors
        guard header.tensors.count == wanted.count else {
            throw OobleckError(
                .inputData,
                "\(path) has \(counted(header.tensors.count, "tensor")); it should have \(wanted.count)"
            )
        }
        for (found, wanted) in zip(header.tensors, wanted) where found != wanted {
            throw OobleckError(
                .inputData,
                "\(path): has \(found.name) \(found.elementType.rawValue) \(found.shape) where "
                    + "\(wanted.name) F32 \(wanted.shape) should be"
            )
        }
    }

    /// SHA-256 over the data section, and over the whole file, in one pass.
    package func digests() throws -> (dataSection: String, file: String) {
        var dataHasher = SHA256Hasher()
        var fileHasher = SHA256Hasher()
        fileHasher.update(try file.read(at: 0, count: dataStart))
        let chunkSize = 1 << 20
        for first in stride(from: dataStart, to: fileSize, by: chunkSize) {
            let chunk = try file.read(at: first, count: min(chunkSize, fileSize - first))
            dataHasher.update(chunk)
            fileHasher.update(chunk)
        }
        return (dataHasher.hexadecimal, fileHasher.hexadecimal)
    }
}
