import OobleckReconfiguration
import OobleckValues
import Testing

/// Losses, and the pipelines that the published implementation goes on with, templates for 2 to 5
/// nodes.
struct PublishedExample: Sendable, CustomStringConvertible {
    static let start: [[NodeID]] = [[0, 1], [2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13]]
    static let all = [
        PublishedExample(
            lost: [2],
            pipelines: [[0, 1], [3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13]]
        ),
        PublishedExample(
            lost: [1, 3, 4],
            pipelines: [[0, 13], [2, 12], [9, 10, 11], [5, 6, 7, 8]]
        ),
        PublishedExample(
            lost: [2, 4, 6, 7, 8],
            pipelines: [[0, 1], [3, 13], [5, 12], [9, 10, 11]]
        ),
        PublishedExample(
            lost: [1, 2, 3, 5, 6, 7, 9, 10, 11],
            pipelines: [[0, 4], [8, 12, 13]]
        ),
    ]

    let lost: [NodeID]
    let pipelines: [[NodeID]]

    var description: String { "losing \(lost)" }
}

@Suite(.timeLimit(.minutes(10))) struct PublishedPolicyTests {
    @Test("the published examples come out exactly", arguments: PublishedExample.all)
    func published(example: PublishedExample) {
        let policy = PublishedPolicy(templateSizes: [2, 3, 4, 5])
        let layout = policy.layout(of: PublishedExample.start, losing: Set(example.lost))
        #expect(layout?.pipelines == example.pipelines)
        #expect(layout?.idleNodes == [])
    }

    @Test("what was done is told, pipelines numbered as before")
    func changes() {
        let policy = PublishedPolicy(templateSizes: [2, 3, 4, 5])
        let borrowing = policy.layout(of: PublishedExample.start, losing: [1, 3, 4])
        #expect(
            borrowing?.changes == [
                .borrowed(pipeline: 0, nodes: [13], from: 3),
                .borrowed(pipeline: 1, nodes: [12], from: 3),
            ]
        )
        let merging = policy.layout(
            of: PublishedExample.start,
            losing: [1, 2, 3, 5, 6, 7, 9, 10, 11]
        )
        #expect(
            merging?.changes == [
                .shrank(pipeline: 3, from: 5, to: 2), .merged(pipelines: [0, 1], size: 2),
                .merged(pipelines: [2, 3], size: 3),
            ]
        )
        #expect(
            borrowing?.changes.first?.description == "pipeline 0 borrows node 13 of pipeline 3"
        )
    }

    @Test("a merged pipeline larger than all templates is limited, and the rest finds a place")
    func limited() {
        // One of two is left of the first: it joins the second, and no template has three nodes.
        let two = PublishedPolicy(templateSizes: [2])
        let alone = two.layout(of: [[0, 1], [2, 3]], losing: [1])
        #expect(alone?.pipelines == [[0, 2]])
        #expect(alone?.idleNodes == [3])
        // 2 + 3 nodes merge to 5: with templates of 3 and 4 one is idle, with one of 5 none.
        let pipelines: [[NodeID]] = [[0, 1, 2], [3, 4, 5]]
        let narrow = PublishedPolicy(templateSizes: [3, 4])
        #expect(narrow.layout(of: pipelines, losing: [2])?.pipelines == [[0, 1, 3, 4]])
        #expect(narrow.layout(of: pipelines, losing: [2])?.idleNodes == [5])
        let wide = PublishedPolicy(templateSizes: [3, 4, 5])
        #expect(wide.layout(of: pipelines, losing: [2])?.pipelines == [[0, 1, 3, 4, 5]])
        // Beside a third pipeline, the node has a place there.
        let beside = narrow.layout(of: pipelines + [[6, 7, 8]], losing: [2])
        #expect(beside?.pipelines == [[0, 1, 3, 4], [6, 7, 8, 5]])
    }

    @Test("a size without a template between others is divided")
    func gap() {
        let policy = PublishedPolicy(templateSizes: [2, 5])
        let layout = policy.layout(of: [[0, 1], [2, 3, 4, 5, 6]], losing: [6])
        #expect(layout?.pipelines == [[0, 1], [2, 3], [4, 5]])
        // Of seven nodes, five stay together and not two.
        let seven = policy.layout(of: [[0, 1, 2, 3, 4, 5, 6, 7]], losing: [7])
        #expect(seven?.pipelines == [[5, 6], [0, 1, 2, 3, 4]])
    }

    @Test("nodes that join form a pipeline, or are added to the smallest")
    func joins() {
        let policy = PublishedPolicy(templateSizes: [2, 3, 4])
        let start: [[NodeID]] = [[0, 1], [2, 3], [4, 5, 6]]
        #expect(
            policy.layout(of: start, losing: [], joining: [9])?.pipelines
                == [[2, 3], [0, 1, 9], [4, 5, 6]]
        )
        #expect(
            policy.layout(of: start, losing: [], joining: [9, 8])?.pipelines
                == [[0, 1], [2, 3], [8, 9], [4, 5, 6]]
        )
        #expect(
            policy.layout(of: start, losing: [], joining: [7, 8, 9, 10, 11])?.pipelines
                == [[2, 3], [0, 1, 11], [4, 5, 6], [7, 8, 9, 10]]
        )
        // No pipeline without a microbatch.
        let narrow = PublishedPolicy(templateSizes: [2, 3, 4], mostPipelines: 3)
        #expect(
            narrow.layout(of: start, losing: [], joining: [8, 9])?.pipelines
                == [[0, 1, 8], [2, 3, 9], [4, 5, 6]]
        )
        // Newcomers save what is too small alone.
        #expect(policy.layout(of: [[0, 1]], losing: [1]) == nil)
        #expect(policy.layout(of: [[0, 1]], losing: [1], joining: [5])?.pipelines == [[0, 5]])
    }
}
