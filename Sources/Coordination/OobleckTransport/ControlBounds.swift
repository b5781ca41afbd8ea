import OobleckCore

/// What one peer may take of the coordinator.
///
/// Each number is far above what a run needs, and keeps whoever sends more from hurting the others.
package struct ControlBounds: Hashable, Sendable {
    /// The largest message to the coordinator; a piece of a layer has one mebibyte.
    package var largestReportBytes = 8 << 20
    /// The largest message of the coordinator; a plan for thousands of nodes fits.
    package static let largestDirectiveBytes = 64 << 20
    /// How long a connection may take from its first byte to a hello or request with the token.
    package var handshake: Seconds = 5
    /// Bytes that a connection may send until then.
    package var strangerBytes = 64 << 10
    /// Connections without a hello or request with the token at any moment; one more, and the
    /// oldest of them goes.
    package var strangers = 256
    /// Connections at any moment.
    package var connections = 16_384
    /// Streams of one connection at any moment; agents, workers and people need one.
    package var streamsPerConnection = 8
    /// Nodes with a session at any moment.
    package var agents = 8192
    /// People and programs that watch the run at any moment.
    package var watchers = 64
    /// Calls of one connection: how many at once, and how many a second on end.
    package var calls = RateLimit.Allowance(burst: 64, perSecond: 16)
    /// Messages of one session: how many at once, and how many a second on end.
    ///
    /// A step has one vote, and forming groups a few keys for each pair of nodes.
    package var reports = RateLimit.Allowance(burst: 32_768, perSecond: 16_384)

    package init() {}
}
