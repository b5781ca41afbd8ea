import OobleckCoordination
import OobleckCore

extension EtcdStore {
    /// What a coordinator on another machine has to know of a run besides its state.
    package struct Document: Hashable, Sendable, Codable {
        package var job: JobSpecification
        package var profile: ModelProfile
        /// The job as the user wrote it.
        package var configText: String
        /// What admits to the run: whoever reads it here can join, and whoever writes here can
        /// take the run anyway.
        package var token: String

        package init(
            job: JobSpecification,
            profile: ModelProfile,
            configText: String,
            token: RunToken
        ) {
            self.job = job
            self.profile = profile
            self.configText = configText
            self.token = token.secret
        }
    }
}
