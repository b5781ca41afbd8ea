import Foundation
import GRDB
import OobleckCoordination
import OobleckCore

/// The tables of a run's database, one for each thing that a coordinator keeps.
///
/// Rows are replaced in place: the database stays as small as the run's state, whatever the number
/// of steps. Every committed step is in the ledger; here is only the newest.
enum CoordinationTables {
    /// Version of these tables; another one is refused.
    private static let version = 6

    static func make(in database: Database) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        if (1..<version).contains(found) { return try migrate(database, from: found) }
        guard found == 0 || found == version else {
            throw OobleckError(
                .inputData,
                "the run's database is of version \(found); this program reads \(version)"
            )
        }
        guard found == 0 else { return }
        try database.execute(
            sql: """
                CREATE TABLE run (
                    id INTEGER PRIMARY KEY CHECK (id = 0), term INTEGER NOT NULL,
                    failures INTEGER NOT NULL, plans_in_force INTEGER NOT NULL,
                    last_generation INTEGER, skipped_in_a_row INTEGER);
                INSERT INTO run VALUES (0, 0, 0, 0, NULL, NULL);
                CREATE TABLE node (
                    id INTEGER PRIMARY KEY, agent_pid INTEGER NOT NULL,
                    is_out INTEGER NOT NULL DEFAULT 0, is_draining INTEGER NOT NULL DEFAULT 0,
                    ending TEXT);
                CREATE TABLE plan (
                    role TEXT PRIMARY KEY, generation INTEGER NOT NULL, document BLOB NOT NULL);
                CREATE TABLE committed (
                    id INTEGER PRIMARY KEY CHECK (id = 0), step INTEGER NOT NULL,
                    generation INTEGER NOT NULL, first_sample INTEGER NOT NULL,
                    end_sample INTEGER NOT NULL, loss REAL, gradient_norm REAL, skipped TEXT,
                    targets INTEGER);
                CREATE TABLE restored (
                    id INTEGER PRIMARY KEY, step INTEGER NOT NULL, generation INTEGER NOT NULL,
                    state_sha256 TEXT NOT NULL, record BLOB NOT NULL);
                CREATE TABLE recovery (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
                CREATE TABLE memory_failure (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
                CREATE TABLE arithmetic (id INTEGER PRIMARY KEY CHECK (id = 0), record BLOB NOT NULL);
                CREATE TABLE evaluated (id INTEGER PRIMARY KEY CHECK (id = 0), record BLOB NOT NULL);
                PRAGMA user_version = \(version);
                """
        )
    }

    /// The second version says of each node that is out how it left, the third what the run computes
    /// with, the fourth how many targets a step's loss is the mean over, the fifth the newest evaluation,
    /// the sixth how many steps in a row were skipped.
    private static func migrate(_ database: Database, from found: Int) throws {
        if found == 1 { try database.execute(sql: "ALTER TABLE node ADD COLUMN ending TEXT;") }
        let columns = "(id INTEGER PRIMARY KEY CHECK (id = 0), record BLOB NOT NULL)"
        if found < 3 { try database.execute(sql: "CREATE TABLE arithmetic \(columns);") }
        if found < 4 {
            try database.execute(sql: "ALTER TABLE committed ADD COLUMN targets INTEGER;")
        }
        if found < 5 { try database.execute(sql: "CREATE TABLE evaluated \(columns);") }
        try database.execute(
            sql: """
                ALTER TABLE run ADD COLUMN skipped_in_a_row INTEGER;
                PRAGMA user_version = \(version);
                """
        )
    }

    static func apply(_ change: DurableChange, in database: Database) throws {
        /// Returns how many rows changed.
        @discardableResult
        func run(_ sql: String, _ arguments: StatementArguments) throws -> Int {
            try database.cachedStatement(sql: sql).execute(arguments: arguments)
            return database.changesCount
        }
        try keepSkips(of: change, in: database, run)
        switch change {
        case .tookOver(let term): try run("UPDATE run SET term = ?", [term])
        case .joined(let node, let pid):
            try run(
                "INSERT OR REPLACE INTO node (id, agent_pid) VALUES (?, ?)",
                [node.rawValue, pid]
            )
        case .left(let node, let hasFailed, let ending):
            let sql = """
                INSERT INTO node (id, agent_pid, is_out, ending) VALUES (?, 0, 1, ?)
                ON CONFLICT (id) DO UPDATE SET is_out = 1, ending = excluded.ending
                """
            try run(sql, [node.rawValue, ending.rawValue])
            if hasFailed { try run("UPDATE run SET failures = failures + 1", []) }
        case .draining(let node, let isDraining):
            try run("UPDATE node SET is_draining = ? WHERE id = ?", [isDraining, node.rawValue])
        case .planned(let plan):
            try run(
                "INSERT OR REPLACE INTO plan VALUES ('planned', ?, ?)",
                [plan.plan.generation.rawValue, try JSONEncoder().encode(plan)]
            )
            try run("UPDATE run SET last_generation = ?", [plan.plan.generation.rawValue])
        case .numbered(let generation):
            try run("UPDATE run SET last_generation = ?", [generation.rawValue])
        case .inForce(let generation): try putInForce(generation, run)
        case .restored(let restored, let record):
            try putInForce(restored.generation, run)
            try add(restored, record, run)
            try run("DELETE FROM committed", [])
            try run("DELETE FROM evaluated", [])
        case .committed(let step): try keep(step, run)
        case .computing(let arithmetic):
            try run("DELETE FROM arithmetic", [])
            guard let arithmetic else { break }
            try run(
                "INSERT INTO arithmetic VALUES (0, ?)",
                [try JSONEncoder().encode(arithmetic)]
            )
        case .evaluated(let recorded):
            try keep(recorded, run)
        case .recounted(let history, let steps): try recount(history, from: steps, run)
        case .recovered(let record):
            try run("INSERT INTO recovery (record) VALUES (?)", [try JSONEncoder().encode(record)])
        case .ranOutOfMemory(let failure):
            try run(
                "INSERT INTO memory_failure (record) VALUES (?)",
                [try JSONEncoder().encode(failure)]
            )
        }
    }

    /// Changes rows, and returns how many.
    private typealias Statement = (String, StatementArguments) throws -> Int

    /// Keeps the count of skipped steps in a row; before the change's own rows, which it is derived from.
    private static func keepSkips(
        of change: DurableChange,
        in database: Database,
        _ run: Statement
    ) throws {
        switch change {
        case .committed, .restored, .recounted: break
        default: return
        }
        var state = DurableState()
        let count = try database.cachedStatement(sql: "SELECT skipped_in_a_row FROM run")
        state.skippedInARow = try Int.fetchOne(count)
        let before = state.skippedInARow
        if case .committed = change {
        } else {
            state.committed = try committed(in: database)
            state.restored = try restored(in: database).last?.restored
        }
        state.apply(change)
        guard state.skippedInARow != before else { return }
        _ = try run("UPDATE run SET skipped_in_a_row = ?", [state.skippedInARow])
    }

    private static func keep(_ step: CommittedStep, _ run: Statement) throws {
        _ = try run(
            "INSERT OR REPLACE INTO committed VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                step.step, step.generation.rawValue, step.firstSample, step.endSample,
                step.loss, step.gradientNorm, step.skipped, step.targets,
            ]
        )
    }

    private static func keep(_ recorded: RecordedEvaluation, _ run: Statement) throws {
        let record = try JSONEncoder().encode(recorded)
        _ = try run("INSERT OR REPLACE INTO evaluated VALUES (0, ?)", [record])
    }

    private static func add(
        _ restored: RestoredRun,
        _ record: RestoreRecord,
        _ run: Statement
    ) throws {
        _ = try run(
            "INSERT INTO restored (step, generation, state_sha256, record) VALUES (?, ?, ?, ?)",
            [
                restored.step, restored.generation.rawValue, restored.stateSHA256,
                try JSONEncoder().encode(record),
            ]
        )
    }

    /// Sees to it that the newest return to a checkpoint and the newest step are the history's.
    private static func recount(
        _ history: RecordedHistory,
        from steps: Int,
        _ run: Statement
    ) throws {
        _ = try run("DELETE FROM committed", [])
        if let step = history.committed { try keep(step, run) }
        _ = try run("DELETE FROM evaluated", [])
        if let recorded = history.evaluated { try keep(recorded, run) }
        guard let restored = history.restored else {
            _ = try run("DELETE FROM restored", [])
            return
        }
        let known = try run(
            """
            UPDATE restored SET step = step WHERE id = (SELECT max(id) FROM restored)
            AND step = ? AND generation = ? AND state_sha256 = ?
            """,
            [restored.step, restored.generation.rawValue, restored.stateSHA256]
        )
        guard known == 0 else { return }
        try add(restored, RestoreRecord(recounting: restored, from: steps), run)
    }

    private static func putInForce(
        _ generation: Generation,
        _ run: Statement
    ) throws {
        let sql = """
            INSERT OR REPLACE INTO plan SELECT 'in-force', generation, document FROM plan
            WHERE role = 'planned' AND generation = ?
            """
        guard try run(sql, [generation.rawValue]) > 0 else { return }
        _ = try run("UPDATE run SET plans_in_force = plans_in_force + 1", [])
    }

    /// All that was kept; `nil` when nothing ever was.
    static func state(in database: Database) throws -> DurableState? {
        guard let run = try Row.fetchOne(database, sql: "SELECT * FROM run"),
            let term: Int = run["term"], term > 0
        else { return nil }
        var state = DurableState()
        state.term = term
        state.failures = run["failures"]
        state.plansInForce = run["plans_in_force"]
        state.lastGeneration = (run["last_generation"] as Int?).map { Generation($0) }
        state.skippedInARow = run["skipped_in_a_row"]
        for row in try Row.fetchAll(database, sql: "SELECT * FROM node") {
            state.nodes[NodeID(row["id"])] = DurableState.Node(
                agentPID: row["agent_pid"],
                isOut: row["is_out"],
                isDraining: row["is_draining"],
                ending: (row["ending"] as String?).flatMap { NodeStatus.State(rawValue: $0) }
            )
        }
        state.planned = try plan("planned", in: database)
        state.inForce = try plan("in-force", in: database)
        state.committed = try committed(in: database)
        let returns = try restored(in: database)
        state.restored = returns.last?.restored
        state.restores = try returns.map {
            try JSONDecoder().decode(RestoreRecord.self, from: $0.record)
        }
        state.recoveries = try records("recovery", in: database)
        state.memoryFailures = try records("memory_failure", in: database)
        let arithmetic: [Arithmetic] = try records("arithmetic", in: database)
        state.arithmetic = arithmetic.first
        let evaluated: [RecordedEvaluation] = try records("evaluated", in: database)
        state.evaluated = evaluated.first
        return state
    }

    /// All records of a table that has nothing else, in order.
    private static func records<Record: Decodable>(
        _ table: String,
        in database: Database
    ) throws -> [Record] {
        try Data.fetchAll(database, sql: "SELECT record FROM \(table) ORDER BY id")
            .map { try JSONDecoder().decode(Record.self, from: $0) }
    }

    private static func plan(_ role: String, in database: Database) throws -> PlanDocument? {
        try Data.fetchOne(
            database,
            sql: "SELECT document FROM plan WHERE role = ?",
            arguments: [role]
        ).map { try JSONDecoder().decode(PlanDocument.self, from: $0) }
    }

    /// The returns to a checkpoint, in order.
    private static func restored(
        in database: Database
    ) throws -> [(restored: RestoredRun, record: Data)] {
        try Row.fetchAll(database, sql: "SELECT * FROM restored ORDER BY id").map { row in
            let restored = RestoredRun(
                step: row["step"],
                generation: Generation(row["generation"]),
                stateSHA256: row["state_sha256"]
            )
            return (restored, row["record"])
        }
    }

    private static func committed(in database: Database) throws -> CommittedStep? {
        try Row.fetchOne(database, sql: "SELECT * FROM committed").map { row in
            CommittedStep(
                step: row["step"],
                generation: Generation(row["generation"]),
                firstSample: row["first_sample"],
                endSample: row["end_sample"],
                // SQLite has no NaN: what is not finite comes back as nothing.
                loss: row["loss"] ?? .nan,
                gradientNorm: row["gradient_norm"] ?? .nan,
                skipped: row["skipped"],
                targets: row["targets"]
            )
        }
    }
}
