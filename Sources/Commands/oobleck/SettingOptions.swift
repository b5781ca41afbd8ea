import ArgumentParser
import OobleckRunFiles

/// Values of the job's keys on the command line, for all commands that start a run.
struct SettingOptions: ParsableArguments {
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "A key of the job with another value: training.learning_rate=3e-4. Repeatable.",
            valueName: "section.key=value"
        )
    )
    var texts: [String] = []

    /// Throws one line for a text that is no setting.
    var settings: [JobSetting] {
        get throws { try texts.map { try JobSetting($0) } }
    }
}
