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
        do {
            var model = try ImportedFolder.open(path: path)
            // A module from a file does not say how many token ids it knows.
            let isOpen = model.manifest.vocabulary == nil
            let own = ["import", "name"] + (isOpen ? ["vocabulary"] : [])
            for key in JobSchema.current.keys(of: "model")
            where !own.contains(key) && section.node(key) != nil {
                section.mistake(
                    key,
                    "cannot be set: the imported model fixes it; leave out one of the two"
                )
            }
            model.manifest.name = section.text("name") ?? model.manifest.name
            if isOpen { model.manifest.vocabulary = section.integer("vocabulary") }
            return model
        } catch let error as OobleckError {
            mistakes.add(line: section.line(of: "import"), error.message)
            mistakes.excuse("model.import")
            // Without the model, its parameters are unknown.
            mistakes.excuse("training.train")
        } catch {
            section.mistake("import", "cannot be read: \(fileReason(error))")
        }
        return nil
    }
}
