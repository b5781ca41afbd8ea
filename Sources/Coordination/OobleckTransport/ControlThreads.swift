import NIOCore

/// Threads of this process for control messages.
package enum ControlThreads {
    /// Has one thread serve all connections, whatever the number of cores: each takes 8 MiB of address
    /// space, and the cores are for training.
    ///
    /// Counts only before the first connection.
    package static func keepFew() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
    }
}
