/// A worker's way to its coordinator.
package protocol ControlLink: Sendable {
    /// Sends to the coordinator; keeps order.
    ///
    /// May wait with a piece of a layer (``WorkerMessage/layerChunk(_:)``) until earlier ones are
    /// sent. All other messages are sent without a wait.
    func send(_ message: WorkerMessage)
}
