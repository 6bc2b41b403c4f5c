"""A run that somebody deletes while it goes on: nothing says that it succeeded, and nothing of it comes back."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit import MetStore, Runs, settings_of
from pplns import pipeline, step
from pplns.errors import StoreError
from pplns.settings import Settings

act: list[Callable[[], object]] = []


@step
def first() -> int:
    return 1


@step(wait_for_commit=True)  # nothing is written while the folder is being deleted
def second(x: int) -> int:
    act.pop()()
    return x + 1


@step
def third(x: int) -> int:
    return x + 1


@pipeline
def chain() -> Any:
    return third(second(first()))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, PPLNS_LEASE_SECONDS="0.3")


@pytest.mark.parametrize("deleted", [".", "chain", "chain/runs/r"])
def test_a_run_whose_folder_is_deleted_ends_with_a_clear_error(file_runs: Runs, tmp_path: Path, deleted: str) -> None:
    """The whole store, the pipeline's folder or the run's: the run isn't brought back by what it still writes."""
    act[:] = [lambda: shutil.rmtree(tmp_path / "state" / deleted)]

    with pytest.raises(StoreError, match="was deleted from file:") as caught:
        file_runs.run(chain, run_id="r")

    assert "Start a new run" in caught.value.remedy
    assert not list(tmp_path.rglob("runs/r/*/*"))


def test_a_run_without_its_record_has_no_end(runs: Runs, store: MetStore) -> None:
    """A store of another kind: the record is looked for once more before an end is written."""
    act[:] = [lambda: store.delete("chain/runs/r/run.json")]

    with pytest.raises(StoreError, match="was deleted"):
        runs.run(chain, run_id="r")

    assert store.children("chain/runs/r/attempts/") == []


@pytest.mark.parametrize(("deleted", "named"), [("run.json", "run.json"), ("lease.1.json", "lease.json")])
def test_a_lease_that_was_deleted_is_noticed_by_a_renewal(
    file_runs: Runs, tmp_path: Path, settings: Settings, deleted: str, named: str
) -> None:
    """Alone or with the run: a step that takes long needn't come to its end for it."""
    over = threading.Event()

    @step
    def long() -> int:
        for name in {deleted, "lease.1.json"}:
            (tmp_path / "state/endless/runs/r" / name).unlink()
        over.wait(10)
        return 1

    @pipeline
    def endless() -> Any:
        return long()

    with pytest.raises(StoreError, match=f"endless/runs/r/{named}' was deleted"):
        Runs(file_runs.store, settings).run(endless, run_id="r")
    over.set()
