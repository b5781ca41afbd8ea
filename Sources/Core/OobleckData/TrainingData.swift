import OobleckCore

/// The training data of a job: a corpus of tokens, or columns.
package struct TrainingData {
    private enum Content {
        case tokens(Corpus)
        case columns(ColumnFiles)
    }

    private let content: Content
    private let job: JobSpecification
    private let masking: TokenMasking?

    /// Reads what a job names.
    ///
    /// Data that were not read before are read as `look` says. Throws `.inputData` with file and position
    /// when they do not fit the job's model.
    package static func load(
        _ job: JobSpecification,
        look: FirstLook = FirstLook()
    ) throws -> TrainingData {
        let content: Content =
            job.dataAreColumns == true
            ? .columns(try ColumnFiles(path: job.corpusPath, model: job.model, look: look))
            : .tokens(try Corpus.load(job, look: look))
        return TrainingData(content: content, job: job)
    }

    private init(content: Content, job: JobSpecification) {
        self.content = content
        self.job = job
        masking = job.masking.map { TokenMasking($0, seed: job.training.seed) }
    }

    /// What was left out, for people; one line each.
    package var notes: [String] {
        switch content {
        case .tokens(let corpus): corpus.notes
        case .columns: []
        }
    }

    /// SHA-256 of the data, hexadecimal: the same for the same tokens or columns in every file format.
    ///
    /// Costs one pass.
    package func digest() throws -> String {
        switch content {
        case .tokens(let corpus): corpus.digest
        case .columns(let columns): try columns.digest()
        }
    }

    /// Whole samples.
    ///
    /// Throws `.inputData` when there is none.
    package func sampleCount() throws -> Int {
        switch content {
        case .tokens(let corpus): try corpus.sampleCount(job)
        case .columns(let columns): columns.sampleCount
        }
    }

    /// The values of some tensors of a microbatch with the given samples, by the tensors' names.
    package func values(
        of tensors: [ImportManifest.BatchTensor],
        samples: [BatchSample]
    ) throws -> [String: BatchValues] {
        switch content {
        case .tokens(let corpus): return values(of: tensors, samples: samples, corpus)
        case .columns(let columns):
            var values: [String: BatchValues] = [:]
            for tensor in tensors {
                values[tensor.name] = try columns.values(of: tensor, rows: samples.map(\.index))
            }
            return values
        }
    }

    private func values(
        of tensors: [ImportManifest.BatchTensor],
        samples: [BatchSample],
        _ corpus: Corpus
    ) -> [String: BatchValues] {
        let sequence = job.model.sequenceLength ?? 1
        let (inputs, targets) = corpus.batch(
            samples: samples.map(\.index),
            sequenceLength: sequence
        )
        let masked = masking.map { masking in
            samples.enumerated().map { row, sample in
                let tokens = inputs[row * sequence..<(row + 1) * sequence]
                return masking.apply(to: tokens, position: sample.position)
            }
        }
        var values: [String: BatchValues] = [:]
        for tensor in tensors {
            values[tensor.name] =
                switch tensor.role {
                case .tokens: .int64(inputs)
                case .nextTokens: .int64(targets)
                case .maskedTokens: .int64(masked?.flatMap(\.inputs) ?? inputs)
                case .maskTargets: .int64(masked?.flatMap(\.targets) ?? targets)
                case .ones, .column: tensor.ones(samples.count)
                }
        }
        return values
    }
}

extension ImportManifest.BatchTensor {
    /// Ones for a number of samples.
    func ones(_ samples: Int) -> BatchValues {
        let count = samples * shape.dropFirst().reduce(1, *)
        return switch kind {
        case .int64: .int64([Int64](repeating: 1, count: count))
        case .int32: .int32([Int32](repeating: 1, count: count))
        case .float32: .float32([Float](repeating: 1, count: count))
        case .uint8, .boolean: .bytes([UInt8](repeating: 1, count: count))
        }
    }
}
