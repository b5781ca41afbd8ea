import Foundation
public import OobleckValues

/// Why a call of Foundation on a file failed, in the system's words ("No space left on device").
///
/// Foundation's own descriptions contain error domains and numbers, which users do not understand.
public func fileReason(_ error: any Error) -> String {
    if let error = error as? OobleckError { return error.message }
    var next: (any Error)? = error
    while let error = next {
        if let error = error as? POSIXError { return word(error.code.rawValue) }
        let foreign = error as NSError
        if foreign.domain == NSPOSIXErrorDomain { return word(Int32(foreign.code)) }
        next = foreign.userInfo[NSUnderlyingErrorKey] as? any Error
    }
    let error = error as NSError
    guard error.domain == NSCocoaErrorDomain else {
        return "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
    }
    return systemWords[CocoaError.Code(rawValue: error.code)]
        ?? "the system gives no reason (error \(error.code))"
}

/// What Foundation's codes mean where no number of the system comes with them.
private let systemWords: [CocoaError.Code: String] = [
    .fileNoSuchFile: word(ENOENT), .fileReadNoSuchFile: word(ENOENT),
    .fileReadNoPermission: word(EACCES), .fileWriteNoPermission: word(EACCES),
    .fileWriteOutOfSpace: word(ENOSPC), .fileWriteFileExists: word(EEXIST),
    .fileWriteVolumeReadOnly: word(EROFS), .fileReadInvalidFileName: word(ENAMETOOLONG),
    .fileWriteInvalidFileName: word(ENAMETOOLONG), .fileReadTooLarge: word(EFBIG),
    .fileReadInapplicableStringEncoding: "it is not text in UTF-8",
    .fileReadCorruptFile: "it is damaged, or no text in UTF-8",
    .fileReadUnknown: word(EIO), .fileWriteUnknown: word(EIO),
]

private func word(_ number: Int32) -> String { String(cString: strerror(number)) }

/// The error for people that a call of Foundation on a file threw, with its path; `nil` when it is
/// another kind of error.
public func fileError(_ error: any Error) -> OobleckError? {
    let foreign = error as NSError
    let domains = [NSCocoaErrorDomain, NSPOSIXErrorDomain]
    guard !(error is OobleckError), domains.contains(foreign.domain) else { return nil }
    let path = foreign.userInfo[NSFilePathErrorKey] as? String
    let what = path.map { "cannot use \($0)" } ?? "cannot use a file"
    return OobleckError(.storage, "\(what): \(fileReason(error))")
}
