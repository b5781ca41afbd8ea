public import OobleckReconfiguration
public import OobleckValues

/// How a plan or a certificate is written for people or for programs.
public struct PlanFormat: Hashable, Sendable {
    enum Kind: Hashable {
        case table(width: Int)
        case json
    }

    let kind: Kind

    /// Tables and sentences in lines of at most `width` columns; numbers and paths are never cut, so
    /// that a line may be longer where the width is small.
    public static func table(width: Int) -> PlanFormat { PlanFormat(kind: .table(width: width)) }

    /// The file format: JSON with its keys in order.
    public static let json = PlanFormat(kind: .json)
}

extension PlanDocument {
    /// The plan in this format, without a line end after the last line.
    ///
    /// All numbers must be finite, as in every plan that ``PlanDocument/validate()`` accepts.
    public func formatted(_ format: PlanFormat) -> String {
        switch format.kind {
        case .table(let width): text(width: width)
        case .json: json(self)
        }
    }
}

extension Certificate {
    /// The certificate in this format, without a line end after the last line.
    public func formatted(_ format: PlanFormat) -> String {
        switch format.kind {
        case .table(let width): text(width: width)
        case .json: json(self)
        }
    }
}

private func json(_ document: some Encodable) -> String {
    do {
        return try DocumentFile.text(document)
    } catch {
        preconditionFailure("JSON has no such number: \(error)")
    }
}
