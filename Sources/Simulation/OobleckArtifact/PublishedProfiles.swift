import OobleckCore
import OobleckSimulator

/// The two kinds of profile that the paper's artifact plans for (`Examples/artifact/`).
///
/// The artifact draws the random times anew on each run and gives no seed; here they are drawn once.
/// Its text says 2.5 s and 0 to 5 s, its code has other units; the text counts here. As in its code,
/// an all-reduce across nodes takes 0.5 s, and a layer has 1,024 bytes of parameters and of
/// activations.
public enum PublishedProfiles {
    /// Seed of the random times: the year of the paper.
    static let seed: UInt64 = 2023

    /// 24 layers, of which each takes 2.5 s.
    public static let equal = profile(
        "equal-24",
        times: Array(repeating: (forward: 1.0, backward: 1.5), count: 24)
    )

    /// 32 layers of 0 to 5 s, evenly distributed, in whole milliseconds; two fifths of it forward.
    public static let random: ModelProfile = {
        let random = CounterRandom(seed: seed)
        let times = (0..<32).map { layer -> (forward: Double, backward: Double) in
            let milliseconds = Int(5000 * random.uniform(stream: 0, index: layer))
            let forward = milliseconds * 2 / 5
            return (Double(forward) / 1000, Double(milliseconds - forward) / 1000)
        }
        return profile("random-32", times: times)
    }()

    /// Both, in the order of the artifact.
    public static let all = [equal, random]

    /// What a profile is, in words.
    static func description(_ profile: ModelProfile) -> String {
        let times = profile.layers.map { ($0.forward + $0.backward).value }
        let (least, most) = (times.min() ?? 0, times.max() ?? 0)
        return "\(profile.layers.count) layers, "
            + (least == most
                ? "\(Numbers.decimal(least, 1)) s each"
                : "random times from \(Numbers.decimal(least, 2)) to \(Numbers.decimal(most, 2)) s")
            + ", \(Numbers.decimal(times.reduce(0, +), 1)) s together"
    }

    private static func profile(
        _ name: String,
        times: [(forward: Double, backward: Double)]
    ) -> ModelProfile {
        ModelProfile(
            model: name,
            microbatchSize: 1,
            layers: times.enumerated().map { index, time in
                LayerProfile(
                    name: "layer.\(index)",
                    forward: Seconds(time.forward),
                    backward: Seconds(time.backward),
                    allReduceAcrossNodes: [2: 0.5, 16: 0.5],
                    parameterBytes: 1024,
                    activationBytes: 1024
                )
            }
        )
    }
}
