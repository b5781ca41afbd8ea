/// Exit statuses by which a worker tells its agent the kind of its failure.
package enum WorkerExit {
    /// It asked for memory and got none (`EX_OSERR`).
    package static let outOfMemory: Int32 = 71
}
