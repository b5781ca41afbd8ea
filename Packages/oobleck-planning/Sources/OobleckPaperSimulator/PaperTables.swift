import OobleckSimulator

/// The constants of the published evaluation: `tools/simulator/*.py` of the artifact of Jang et al.,
/// SOSP 2023 (MIT licence).
///
/// Throughputs were measured on 30 nodes with one A40 each, for 15 to 30 nodes; part of them is
/// interpolated by their authors.
enum PaperTables {
    /// Samples of one step.
    static func samples(_ model: PaperModel) -> Int {
        switch model {
        case .bertLarge: 8192
        case .gpt2: 1024
        case .gpt3Medium: 819
        case .gpt3With2700M: 512
        case .gpt3With6700M: 1024
        }
    }

    /// Milliseconds of a reconfiguration of Oobleck and of a rebalancing of Bamboo; of a restart of
    /// Varuna together with the checkpoint before it.
    static func reconfiguration(_ model: PaperModel, _ policy: PaperPolicy) -> Int {
        let table =
            switch policy {
            case .oobleck: [2000, 2000, 3000, 6000, 10_000]
            case .bamboo: [76_000, 80_000, 100_000, 230_000, 450_000]
            case .varuna, .varunaWithoutOverhead: [76_000, 83_000, 78_700, 515_000, 701_000]
            }
        return table[index(model)]
    }

    /// Milliseconds of Varuna's checkpoint.
    static func checkpoint(_ model: PaperModel) -> Int {
        [15_800, 11_500, 11_200, 50_000, 120_000][index(model)]
    }

    /// Milliseconds of Varuna's restart of BERT-large, with the checkpoint, for 15 to 30 nodes.
    static let bertRestart = [
        71_300, 75_000, 78_700, 82_400, 86_100, 89_800, 93_500, 97_200,
        100_900, 104_600, 108_300, 112_000, 49_100, 67_600, 67_600, 71_300,
    ]

    private static func index(_ model: PaperModel) -> Int {
        PaperModel.allCases.firstIndex(of: model) ?? 0
    }

    /// Samples per second for 15 to 30 nodes, or `nil` where the model does not fit.
    static func throughput(_ model: PaperModel, _ policy: PaperPolicy) -> [Double]? {
        switch policy {
        case .bamboo: bamboo[model]
        case .varuna, .varunaWithoutOverhead: varuna[model]
        case .oobleck: oobleck[model]
        }
    }

    private static let bamboo: [PaperModel: [Double]] = [
        .bertLarge: [
            49.68944099, 49.68944099, 49.68944099, 74.53416149, 74.53416149,
            74.53416149, 74.53416149, 74.53416149, 74.53416149, 99.37888199,
            99.37888199, 99.37888199, 99.37888199, 99.37888199, 99.37888199,
            119.2546584,
        ],
        .gpt2: [
            11.26231816, 11.26231816, 11.26231816, 16.89347724, 16.89347724,
            16.89347724, 16.89347724, 16.89347724, 16.89347724, 22.52463632,
            22.52463632, 22.52463632, 22.52463632, 22.52463632, 22.52463632,
            27.02956359,
        ],
    ]

    private static let varuna: [PaperModel: [Double]] = [
        .bertLarge: [
            193.3611697, 202.5688445, 211.7765192, 222.3653452, 232.9541711,
            243.5429971, 255.720147, 267.8972968, 280.0744467, 290.038974,
            298.3794267, 306.0386227, 326.5438348, 329.5800552, 331.6951121,
            343.1328746,
        ],
        .gpt2: [
            64.29935764, 70.46360441, 70.46360441, 78.31133417, 78.31133417,
            88.31094283, 85.83389481, 96.65353837, 96.65353837, 102.0772415,
            102.0772415, 110.9162094, 106.8250673, 117.6280102, 117.6280102,
            125.7855818,
        ],
        .gpt3Medium: [
            20.91158092, 22.8891583, 22.8891583, 25.26139038, 25.26139038,
            28.23158201, 28.26386056, 28.26386056, 28.26386056, 33.42576818,
            33.42576818, 33.42576818, 35.85035677, 38.88588843, 38.88588843,
            41.99773336,
        ],
        .gpt3With2700M: [
            4.863785398, 6.424614304, 6.424614304, 6.424614304, 6.424614304,
            7.469736582, 7.469736582, 7.469736582, 7.469736582, 9.099911677,
            9.099911677, 9.099911677, 9.099911677, 9.424740405, 9.424740405,
            9.767532721,
        ],
        .gpt3With6700M: [
            3.016421755, 3.953767179, 3.953767179, 3.953767179, 3.953767179,
            4.503390788, 4.503390788, 4.503390788, 4.503390788, 5.096885803,
            5.096885803, 5.096885803, 5.096885803, 5.240635953, 5.240635953,
            5.240635953,
        ],
    ]

    private static let oobleck: [PaperModel: [Double]] = [
        .bertLarge: [
            192.304776, 214.8045205, 209.2082907, 228.0545262, 243.5568988,
            261.6788898, 260.3144683, 285.8442276, 278.5264442, 304.4540075,
            307.2134406, 329.1392983, 327.7784909, 328.35419, 362.2151579,
            368.2457947,
        ],
        .gpt2: [
            55.9161269, 62.74772262, 63.01561583, 66.7500461, 71.58697434,
            76.71496194, 76.94978926, 83.33064533, 83.40446265, 90.52226774,
            91.01817697, 99.47997185, 100.0745098, 98.83702293, 109.6700319,
            110.006361,
        ],
        .gpt3Medium: [
            19.10313139, 20.86545671, 21.57654709, 23.0340881, 23.82505659,
            25.68850493, 26.68489205, 27.77451984, 28.96443398, 30.24118675,
            31.66581788, 33.33923024, 34.62150832, 35.90378641, 37.18606449,
            38.46834258,
        ],
        .gpt3With2700M: [
            5.130663366, 5.630621249, 5.630658991, 6.115063714, 6.105000318,
            6.797312924, 6.704817778, 7.052828884, 7.435358417, 7.512265791,
            7.627088295, 7.985733985, 8.2928776, 8.600021215, 8.90716483,
            9.214308445,
        ],
        .gpt3With6700M: [
            0.0, 3.530908551, 3.283996229, 3.593275995, 3.71233106,
            4.15443025, 4.010855553, 3.947198754, 4.185194343, 4.329925297,
            4.808826127, 4.773412918, 4.957005722, 5.140598527, 5.324191332,
            5.507784136,
        ],
    ]
}
