"""pplns runs on the stand-in's Cloud Storage as the account of its pipeline."""

from pathlib import Path

import pytest

from google_stand_in import OWN_PREFIX, RUNTIME, Google
from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.errors import PplnsError
from pplns.stores import open_store
from pplns_deploy.emulator import storage_host


@step
def two() -> int:
    return 2


@step
def double(number: int) -> int:
    return 2 * number


@pipeline
def daily() -> int:
    return double(two())


@pipeline
def weekly() -> int:
    return double(two())


@pytest.fixture
def runs(furnished: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Return runs on a store that the account of `daily` opens, which has the prefix of `daily` only."""
    member = f"serviceAccount:{RUNTIME}"
    binding = {
        "role": "roles/storage.objectUser",
        "members": [member],
        "condition": {"title": "own", "expression": OWN_PREFIX},
    }
    furnished.send("PUT", "storage/v1/b/acme-runs/iam", {"bindings": [binding], "version": 3})
    account = furnished.as_caller(member)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_host(account.url, account.token))
    return Runs(open_store("gs://acme-runs/runs", root=tmp_path), settings_of(tmp_path))


def test_a_pipeline_works_with_its_own_account(runs: Runs) -> None:
    """It runs, is repeated under its run id, and is read back."""
    record = runs.run(daily, run_id="first")

    assert (record.state, record.result) == ("succeeded", 4)
    assert runs.run(daily, run_id="first").finished_at == record.finished_at


def test_a_neighbours_pipeline_does_not(runs: Runs) -> None:
    """Its records are refused with the permission that is missing."""
    with pytest.raises(PplnsError, match=r"storage\.objects"):
        runs.run(weekly, run_id="first")
