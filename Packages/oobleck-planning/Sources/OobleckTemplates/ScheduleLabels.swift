/// The least makespan that ``ScheduleLabel`` allows, by dynamic programming from the last stage to the
/// first (cost model `schedule`).
///
/// Last stages that are no better in any number of their labels are dropped. Where more than `most`
/// remain at one place, two are merged into one that is as good as either. So the result is always
/// a lower bound, usually that of the best division, and its divisions are good ones.
struct ScheduleLabels {
    private var candidates: ScheduleCandidates
    /// Bounds from here on do not win.
    private let limit: Double
    /// Labels kept of one place.
    private let most: Int
    /// How each label came to be: what ``ScheduleLabel/origin`` points into.
    private var origins: [(choice: SearchChoice, behind: Int32)] = []
    /// By devices left.
    private var places: [[Place: [ScheduleLabel]]]
    private var hasMerged = false
    private var comparisons = 0

    /// What a search found.
    struct Result {
        /// Divisions that may win, by their bound ascending.
        var divisions: [(bound: Double, division: [SearchChoice])]
        /// Whether two labels became one somewhere.
        var hasMerged: Bool
        /// Numbers computed.
        var steps: Int
        /// Whether that was enough.
        var isComplete: Bool
    }

    /// Where last stages begin, and how many they are.
    private struct Place: Hashable, Comparable {
        let first: Int
        let stageCount: Int

        static func < (left: Place, right: Place) -> Bool {
            (left.first, left.stageCount) < (right.first, right.stageCount)
        }
    }

    /// A search that keeps at most `most` labels of one place.
    init(_ candidates: ScheduleCandidates, limit: Double, most: Int) {
        self.candidates = candidates
        self.limit = limit
        self.most = most
        let problem = candidates.problem
        places = Array(repeating: [:], count: problem.devices + 1)
        let end = Place(first: problem.stages.layerCount, stageCount: 0)
        places[problem.devices][end] = [candidates.start]
    }

    private var steps: Int { candidates.steps + comparisons }

    /// Searches in about `stepLimit` steps at most.
    mutating func run(stepLimit: Int) -> Result {
        let before = steps
        var isComplete = true
        for devicesLeft in stride(from: places.count - 1, to: 0, by: -1) where isComplete {
            let here = places[devicesLeft].sorted { $0.key < $1.key }
            places[devicesLeft] = [:]
            for (place, labels) in here where isComplete {
                for label in labels { extend(label, place, devicesLeft) }
                isComplete = steps - before <= stepLimit
            }
        }
        let finished = places[0].sorted { $0.key < $1.key }.filter { $0.key.first == 0 }
        let divisions = finished.flatMap { $0.value }
            .map { (bound: $0.own, division: division($0)) }
            .sorted { $0.bound < $1.bound }
        return Result(
            divisions: isComplete ? divisions : [],
            hasMerged: hasMerged,
            steps: steps - before,
            isComplete: isComplete
        )
    }

    private mutating func extend(_ label: ScheduleLabel, _ place: Place, _ devicesLeft: Int) {
        let found = candidates.candidates(
            label,
            end: place.first,
            devicesLeft: devicesLeft,
            limit: limit
        )
        for candidate in found { keep(candidate) }
    }

    /// Adds a label to those of its place.
    private mutating func keep(_ candidate: ScheduleCandidates.Candidate) {
        var label = candidate.label
        let place = Place(first: candidate.first, stageCount: label.stageCount)
        // Taken out, so that it is changed in place.
        var labels = places[candidate.devicesLeft].removeValue(forKey: place) ?? []
        defer { places[candidate.devicesLeft][place] = labels }
        comparisons += 8 * labels.count
        guard !labels.contains(where: { $0.isNoWorse(than: label) }) else { return }
        labels.removeAll { label.isNoWorse(than: $0) }
        origins.append((candidate.choice, label.origin))
        label.origin = Int32(origins.count - 1)
        guard labels.count >= most else { return labels.append(label) }
        hasMerged = true
        comparisons += 2 * labels.count * place.stageCount
        let distances = labels.map { $0.distance(to: label) }
        let nearest = distances.indices.min { distances[$0] < distances[$1] }
        labels[nearest ?? 0].merge(label)
    }

    private func division(_ label: ScheduleLabel) -> [SearchChoice] {
        var division: [SearchChoice] = []
        var index = label.origin
        while index >= 0 {
            let origin = origins[Int(index)]
            division.append(origin.choice)
            index = origin.behind
        }
        return division
    }
}
