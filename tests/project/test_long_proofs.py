"""The options of the test suite itself: `--full` and `--seed`, and the environment that each test starts with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROOF = """
import os

def test_proof(sample, rng):
    print("cases", sample(full=1000, ci=40), "first", rng.random())

def test_environment():
    assert "HOME" in os.environ
    assert "PPLNS_STORE" not in os.environ
    os.environ["PPLNS_STORE"] = "left by a test"
    os.environ["LEFT"] = "by a test"

def test_environment_is_put_back():
    assert "LEFT" not in os.environ
    assert "PPLNS_STORE" not in os.environ
"""


def run_suite(folder: Path, *options: str) -> str:
    """Run a suite of one proof under the project's own conftest, as someone does who has PPLNS_STORE set."""
    shutil.copy(TESTS / "conftest.py", folder)
    (folder / "test_proof.py").write_text(PROOF, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", *options],
        cwd=folder, env={"HOME": "/", **os.environ, "PPLNS_STORE": "memory:", "PYTHONPATH": str(TESTS)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def first_of(output: str) -> str:
    return next(line.rpartition(" ")[2] for line in output.splitlines() if "first" in line)


@pytest.mark.parametrize(("options", "cases"), [([], "cases 40 "), (["--full"], "cases 1000 ")])
def test_a_long_proof_takes_a_sample_unless_told_otherwise(tmp_path: Path, options: list[str], cases: str) -> None:
    """And the summary says how many cases it took, and with which seed."""
    output = run_suite(tmp_path, "--seed=7", *options)

    assert cases in output
    assert "long proofs: seed 7" in output
    assert "3 passed" in output


def test_a_seed_gives_the_same_sample_again(tmp_path: Path) -> None:
    """What failed once is shown again by the seed in its summary; another seed takes other cases."""
    one, again, other = (first_of(run_suite(tmp_path, f"--seed={seed}")) for seed in (7, 7, 8))

    assert one == again
    assert one != other
