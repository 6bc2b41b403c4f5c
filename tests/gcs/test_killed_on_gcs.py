"""The main job on Cloud Storage, in processes that are killed: it ends as it does on files."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from pplns.stores.gcs import GcsStore

pytestmark = pytest.mark.needs_fake_gcs_server

EXAMPLE = Path(__file__).parents[2] / "pipelines/nyc_flights"
OUTPUT = "carrier_days_2013-01.parquet"


@dataclass
class Project:
    """A project with the main job, and the command that runs it on a store."""

    folder: Path
    store: str

    def start(self, run_id: str) -> "subprocess.Popen[bytes]":
        """Begin a run, or go on with it."""
        command = [sys.executable, "-m", "pplns_deploy", "run", "nyc_flights", "--run-id", run_id, "--json"]
        environ = {**os.environ, "PPLNS_LEASE_SECONDS": "1", "PPLNS_STORE": self.store}
        return subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder
        )  # fmt: skip

    def finish(self, run_id: str) -> dict[str, object]:
        """Go on to the end; the lease of a killed process, which may be anywhere, has to run out first."""
        for _ in range(20):
            process = self.start(run_id)
            out, err = process.communicate(timeout=120)
            document: dict[str, object] = json.loads(out)
            if process.returncode == 0:
                return document
            assert "lease_held" in out.decode(), (out, err)
            time.sleep(0.2)
        raise AssertionError("the lease of the killed process never ran out")


@pytest.fixture
def project(bucket: str, tmp_path: Path) -> Project:
    shutil.copytree(EXAMPLE, tmp_path / "pipelines/nyc_flights", ignore=shutil.ignore_patterns("__pycache__", "out"))
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    return Project(tmp_path, f"gs://{bucket}/state")


def figures(project: Project) -> pd.DataFrame:
    """Take the main job's output away, so that the next run has to write its own."""
    path = project.folder / "out" / OUTPUT
    table = pd.read_parquet(path)
    path.unlink()
    return table


def kill_once(project: Project, run_id: str, instant_s: float) -> list[str]:
    """Run or go on, kill some time after the attempt began, and return the names of the commits there are."""
    store = GcsStore(project.store)
    lease = f"nyc_flights/runs/{run_id}/lease.json"
    before = store.read_register(lease)
    process = project.start(run_id)
    while store.read_register(lease) == before and process.poll() is None:
        time.sleep(0.02)
    time.sleep(instant_s)
    process.kill()
    process.communicate()
    return commits(project, run_id)


def commits(project: Project, run_id: str) -> list[str]:
    return GcsStore(project.store).children(f"nyc_flights/runs/{run_id}/steps/")


def test_killed_again_and_again_the_main_job_ends_as_on_files(
    project: Project, rng: random.Random, sample: Callable[..., int]
) -> None:
    """Ten kills in the full proof, two a run; no commit is lost, none is made twice, and the figures are the same."""
    expected_result = Project(project.folder, "file:.pplns").finish("whole")["result"]
    expected = figures(project)

    for number in range(sample(full=5, ci=1)):
        first, second = (kill_once(project, f"r{number}", rng.uniform(0.0, 0.3)) for _ in range(2))
        record = project.finish(f"r{number}")

        last = commits(project, f"r{number}")
        assert set(first) <= set(second) <= set(last)
        assert len({name.split("@")[0] for name in last}) == len(last)
        assert (record["state"], record["result"]) == ("succeeded", expected_result)
        pd.testing.assert_frame_equal(figures(project), expected)
