import OobleckConsole
import OobleckCore
import OobleckData
import OobleckPlanning
import OobleckRuntime
import OobleckSimulationCommands
import OobleckText

/// `oobleck train --dry-run`: what a run would be, without starting it or leaving anything behind.
struct DryRun {
    let request: RunRequest
    let format: OutputFormat

    /// Plans and reports.
    ///
    /// Throws one line when the run could not start.
    func execute() async throws {
        let job = try request.job(keepsSummary: false)
        let data = try TrainingData.load(job, look: ReadingDisplay().look(keepsSummary: false))
        let profile = try await profile(of: job)
        let plan = try FirstPlan(job, profile, host: request.listenHost)
        let report = DryRunReport(
            job: job,
            profile: plan.profile,
            profilePath: request.profilePath,
            plan: plan.document,
            corpusSamples: try data.sampleCount()
        )
        try Console.result(
            format == .json
                ? Console.json(report)
                : report.lines(limit: Console.lineLimit).joined(separator: "\n")
        )
    }

    private func profile(of job: JobSpecification) async throws -> ModelProfile {
        if let path = request.profilePath { return try ModelProfile(contentsOf: path) }
        if format == .text { Console.note("profiling \(job.model.name) ...") }
        return try await MeasuredProfile.measure(job, try Executables())
    }
}
