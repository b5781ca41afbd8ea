"""The soak script: what it concludes from runs, and from the events of one run."""

import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Scripts"))

import soak_analysis  # noqa: E402


def kill(node: int, monotonic: float) -> soak_analysis.Kill:
    return soak_analysis.Kill(node, "worker", 3, monotonic, 1e9 + monotonic)


def event(kind: str, monotonic: float, **more: int) -> dict:
    return {"kind": kind, "time": 1e9 + monotonic, "monotonic": monotonic, **more}


class AnalysisTests(unittest.TestCase):
    def test_kills_with_time_between_them_are_recoveries_of_their_own(self) -> None:
        events = [
            event("resumed", 1.0),
            event("node-lost", 5.1, node=2),
            event("recovered", 5.25),
            event("node-lost", 8.1, node=0),
            event("recovered", 8.5),
        ]
        found = soak_analysis.outcome([kill(2, 5.0), kill(0, 8.0)], events)
        seconds = [round(item.seconds, 6) for item in found.recoveries]
        self.assertEqual(seconds, [0.25, 0.5])
        self.assertFalse(any(item.overlapped for item in found.recoveries))
        self.assertEqual((found.unresumed, found.unnoticed), ([], []))

    def test_a_kill_during_a_recovery_joins_it(self) -> None:
        events = [
            event("node-lost", 5.1, node=2),
            event("node-lost", 5.3, node=1),
            event("recovered", 5.6),
        ]
        found = soak_analysis.outcome([kill(2, 5.0), kill(1, 5.2)], events)
        self.assertEqual(len(found.recoveries), 1)
        self.assertTrue(found.recoveries[0].overlapped)
        self.assertAlmostEqual(found.recoveries[0].seconds, 0.4)
        self.assertAlmostEqual(found.recoveries[0].seconds_since_first, 0.6)

    def test_a_single_loss_that_ends_a_run_is_not_beyond_tolerance(self) -> None:
        one = soak_analysis.outcome([kill(2, 5.0)], [event("node-lost", 5.1, node=2)])
        self.assertFalse(soak_analysis.is_beyond_tolerance(one))
        events = [event("node-lost", 5.1, node=2), event("node-lost", 5.3, node=1)]
        two = soak_analysis.outcome([kill(2, 5.0), kill(1, 5.2)], events)
        self.assertTrue(soak_analysis.is_beyond_tolerance(two))

    def test_a_loss_nobody_saw_is_told_apart(self) -> None:
        found = soak_analysis.outcome([kill(2, 5.0)], [event("finished", 5.1)])
        self.assertEqual([item.node for item in found.unnoticed], [2])

    def test_quantiles_of_ten_values(self) -> None:
        values = [float(value) for value in range(10, 0, -1)]
        self.assertEqual(soak_analysis.quantile(values, 0.9), 9)
        self.assertEqual(soak_analysis.quantile(values, 1.0), 10)
        self.assertEqual(soak_analysis.quantile([7.0], 0.9), 7)
        self.assertEqual(soak_analysis.distribution([]), {"count": 0})


class ScriptTests(unittest.TestCase):
    """The whole script against runs that only pretend to train."""

    def soak(self, behavior: str, runs: int = 1, deadline: int = 60) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder) / "oobleck"
            script = pathlib.Path(__file__).with_name("fake_oobleck.py")
            fake.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
            fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
            words = [sys.executable, str(ROOT / "Scripts/soak.py"), str(runs), "7", "--steps", "20"]
            words += ["--deadline", str(deadline), "--oobleck", str(fake)]
            environment = {**os.environ, "FAKE_OOBLECK": behavior, "TMPDIR": folder}
            result = subprocess.run(
                words, capture_output=True, text=True, timeout=120, env=environment
            )
            if result.returncode == 0:
                left = sorted(path.name for path in pathlib.Path(folder).glob("oobleck-soak-*"))
                self.assertEqual(left, [], "a good soak leaves nothing behind")
            return result

    def test_runs_that_survive_pass_and_their_recoveries_are_timed(self) -> None:
        result = self.soak("good", runs=2)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("2 same state", result.stdout)
        self.assertRegex(result.stdout, r"one node at a time +[1-9]")

    def test_another_state_fails(self) -> None:
        result = self.soak("differs")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("state other, expected expected", result.stderr)

    def test_a_hang_fails(self) -> None:
        result = self.soak("hangs", deadline=8)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("did not end before the deadline", result.stderr)

    def test_a_process_left_behind_fails(self) -> None:
        result = self.soak("orphans")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("left processes", result.stderr)

    def test_a_run_that_gives_up_after_one_loss_fails(self) -> None:
        result = self.soak("fragile")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("ended with status 75", result.stderr)


if __name__ == "__main__":
    unittest.main()
