/// A worker's way to its coordinator.
package protocol ControlLink: Sendable {
    /// Sends to the coordinator; never blocks, keeps order.
    func send(_ message: WorkerMessage)
}
