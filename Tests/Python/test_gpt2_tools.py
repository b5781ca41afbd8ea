"""The comparison with transformers finds what is wrong, and the baseline trains what it says."""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import check_gpt2
from safetensors.torch import load_file, save_file

BASELINE = pathlib.Path(__file__).resolve().parent.parent.parent / "Benchmarks/baseline_gpt2.py"


class CheckTests(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.probe = self.folder / "probe.safetensors"
        with contextlib.redirect_stdout(io.StringIO()):
            check_gpt2.save_reference(self.folder, seed=3)

    def check(self) -> tuple[int, str]:
        """The status and the complaints."""
        complaints = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(complaints):
            status = check_gpt2.check(self.folder, self.probe)
        return status, complaints.getvalue()

    def test_only_what_agrees_passes(self) -> None:
        self.assertEqual(self.check(), (0, ""))
        tensors = load_file(self.probe)
        name = "grad.transformer.h.1.mlp.c_fc.weight"
        tensors[name][0, 0] += 1e-4 * tensors[name].abs().max()
        tensors["logits"][0, 0, 0] = float("nan")
        del tensors["grad.transformer.wpe.weight"]
        save_file(tensors, self.probe)
        status, complaints = self.check()
        self.assertEqual(status, 1)
        self.assertRegex(complaints, rf"{name} differs by 1\.0\de-04")
        self.assertIn("logits differs by inf", complaints)
        self.assertIn("grad.transformer.wpe.weight is missing", complaints)

    def test_a_folder_without_a_parameter_is_refused(self) -> None:
        weights = self.folder / "model.safetensors"
        tensors = load_file(weights)
        del tensors["transformer.h.2.ln_2.bias"]
        save_file(tensors, weights, metadata={"format": "pt"})
        status, complaints = self.check()
        self.assertEqual(status, 1)
        self.assertIn("missing keys: ['transformer.h.2.ln_2.bias']", complaints)


class BaselineTests(unittest.TestCase):
    def test_it_reports_the_tokens_of_the_size_asked_for(self) -> None:
        size = ["--blocks", 1, "--hidden", 16, "--heads", 2, "--vocabulary", 11]
        size += ["--sequence", 8, "--microbatch", 2, "--microbatches", 3, "--steps", 2]
        command = [sys.executable, str(BASELINE), *map(str, size)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["tokens_per_step"], 2 * 3 * 8)
        speed = report["tokens_per_step"] / report["step_seconds"]
        self.assertAlmostEqual(report["tokens_per_second"], speed)
        # Untrained on 11 equally likely tokens: about log(11).
        self.assertAlmostEqual(report["loss"], 2.398, delta=0.15)
        self.assertEqual(report["threads"], 1)


if __name__ == "__main__":
    unittest.main()
