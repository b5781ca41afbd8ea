import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Deaths of the coordinator in simulated worlds", .timeLimit(.minutes(20))) struct CrashTests
{
    @Test("a death after any directive of a run loses nothing", arguments: [0, 1])
    func everyDirective(kills: Int) throws {
        let kill = WorldFault(
            .moment(.commitSent, count: 6, delay: 0.003),
            .kill(.worker, nodes: 1)
        )
        let faults = Array(repeating: kill, count: kills)
        let whole = try Self.world(faults)
        #expect(whole.judge.complaints == [])
        #expect(whole.directiveCount > 100)
        for count in 1...whole.directiveCount {
            let crash = WorldFault.Action.crashCoordinator(directives: count, seconds: 0.1)
            let world = try Self.world(faults + [WorldFault(.time(0), crash)])
            #expect(world.judge.complaints == [], "after directive \(count)")
        }
    }

    @Test("a run goes on without waiting for a deadline when all come back")
    func promptness() throws {
        let crash = WorldFault.Action.crashCoordinator(directives: 0, seconds: 0)
        let moment = WorldFault.Trigger.moment(.commitSent, count: 9, delay: 0.001)
        let world = try Self.world([WorldFault(moment, crash)])
        #expect(world.judge.complaints == [])
        #expect(world.judge.eventKinds.contains(.reconnected))
        #expect(world.judge.recoveries.isEmpty, "nobody was taken for lost")
        #expect(world.now < 3, "far less than the deadlines of a silent death")
    }

    private static func world(_ faults: [WorldFault]) throws -> World {
        let setup = WorldSetup(
            seed: 7,
            nodes: 5,
            steps: 4,
            faultTolerance: 1,
            isWithinTolerance: true,
            faults: faults
        )
        let world = try World(setup)
        world.run()
        guard case .completed = world.outcome else {
            Issue.record("it ends with \(String(describing: world.outcome))")
            return world
        }
        return world
    }
}
