import OobleckCore
import OobleckData

extension JobFile {
    /// The model that the job imports; `nil` when it imports none, or it cannot be read, which is noted.
    static func readImport(
        _ section: JobSection,
        _ mistakes: JobMistakes,
        _ resolve: (String) -> String
    ) -> ImportedModel? {
        guard let path = section.text("import").map(resolve) else { return nil }
        for key in JobSchema.current.keys(of: "model")
        where key != "import" && key != "name" && section.node(key) != nil {
            section.mistake(
                key,
                "cannot be set: the imported model fixes it; leave out one of the two"
            )
        }
        do {
            var model = try ImportedFolder.open(path: path)
            model.manifest.name = section.text("name") ?? model.manifest.name
            return model
        } catch let error as OobleckError {
            mistakes.add(line: section.line(of: "import"), error.message)
            mistakes.excuse("model.import")
        } catch {
            section.mistake("import", "cannot be read: \(fileReason(error))")
        }
        return nil
    }
}
