/// The fingerprint of a node's arithmetic, and what the arithmetic depends on.
///
/// The same job gives other bits where processor, library or settings choose other kernels, since
/// sums are rounded in another order. All nodes of a run need the same arithmetic, and so do two
/// runs that are compared.
package struct Arithmetic: Hashable, Sendable, Codable {
    /// SHA-256 of the results of a fixed pass over every kind of layer of the job, hexadecimal.
    package var fingerprint: String
    /// As the system names it.
    package var processor: String
    /// With its version.
    package var library: String
    /// Kernels in force and what was asked for, as `kernels AVX512, 1 thread`.
    package var settings: String

    package init(fingerprint: String, processor: String, library: String, settings: String) {
        self.fingerprint = fingerprint
        self.processor = processor
        self.library = library
        self.settings = settings
    }

    /// What it depends on, in a few words.
    package var origin: String { "\(processor), \(library), \(settings)" }

    /// The start of the fingerprint, enough to tell two apart.
    package var mark: String { String(fingerprint.prefix(12)) }

    /// Why a node with another fingerprint cannot take part in the run, and what would make both
    /// equal, in one line.
    package func refusal(of other: Arithmetic) -> String {
        let cure =
            library == other.library
            ? "cluster.cpu_level: avx2 (or compatible) in a job makes processors alike; "
                + "devices have to be the same"
            : "install the same libtorch on all nodes"
        let origins =
            origin == other.origin
            ? "both say \(origin)" : "it has \(other.origin); the run has \(origin)"
        return "computes other bits than the run (fingerprint \(other.mark), the run's is "
            + "\(mark)): \(origins); \(cure)"
    }
}

/// An instruction level: all processors that support it can compute the same bits.
package enum CPULevel: String, Hashable, Sendable, Codable, CaseIterable {
    /// What every 64-bit x86 processor can do; the slowest.
    case compatible
    case avx2
    case avx512

    /// The environment of a process whose libraries compute at this level.
    package var environment: [String: String] {
        switch self {
        case .compatible:
            [
                "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE",
                "ONEDNN_MAX_CPU_ISA": "SSE41",
            ]
        case .avx2:
            ["ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"]
        case .avx512:
            [
                "ATEN_CPU_CAPABILITY": "avx512", "MKL_CBWR": "AVX512",
                "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
            ]
        }
    }
}

/// An entry of a ledger: the arithmetic of the run from here on.
package struct RecordedArithmetic: Hashable, Sendable, Codable {
    package var arithmetic: Arithmetic
    /// Steps that were committed before.
    package var step: Int
    package var generation: Generation

    package init(_ arithmetic: Arithmetic, step: Int, generation: Generation) {
        self.arithmetic = arithmetic
        self.step = step
        self.generation = generation
    }
}
