"""Commits that the thread of a step writes itself, where a store writes them at once; any other store has writers."""

import threading
from pathlib import Path

import pytest

from kit import Runs, settings_of, steps_of
from pplns import pipeline, step
from pplns.errors import StoreError
from pplns.stores import FileStore

seen: list[int] = []
folders: list[Path] = []


class WatchedStore(FileStore):
    """A file store that notes which thread creates the commits, and refuses those of `full`."""

    full = ""

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        super().__init__(path, fsync=fsync)
        self.threads: list[str] = []

    def create(self, name: str, data: bytes) -> bool:
        if "/steps/" in name:
            self.threads.append(threading.current_thread().name)
            if self.full and self.full in name:
                raise StoreError("The disk is full.", "A commit can be written.", "Free some space.")
        return super().create(name, data)


def commits() -> int:
    return len(list(folders[-1].glob("counting/runs/*/steps/*.json")))


@step
def one() -> int:
    seen.append(commits())
    return 1


@step
def add(x: int) -> int:
    seen.append(commits())
    return x + 1


@pipeline
def counting() -> int:
    return add(add(one()))


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    seen.clear()
    folders.append(tmp_path / "state")
    return WatchedStore(tmp_path / "state")


needs_links = pytest.mark.skipif("os.name == 'nt'", reason="on Windows a scanner may hold a file, so writers write")


@needs_links
def test_the_thread_of_a_step_writes_its_commit(store: WatchedStore) -> None:
    """A file store needs no second thread for some hundred bytes."""
    record = Runs(store, settings_of(Path(store.folder).parent)).run(counting)

    assert record.result == 3
    assert store.threads == ["pplns-step"] * 3


@needs_links
def test_a_step_in_a_row_begins_when_the_commit_before_it_is_on_disk(store: WatchedStore) -> None:
    """It runs in the thread that wrote it."""
    Runs(store, settings_of(Path(store.folder).parent)).run(counting)

    assert seen == [0, 1, 2]


def test_a_store_that_waits_for_the_disk_has_writers(store: WatchedStore) -> None:
    """The machine's disk takes milliseconds, in which other steps go on."""
    slow = WatchedStore(store.folder, fsync=True)
    record = Runs(slow, settings_of(Path(store.folder).parent)).run(counting)

    assert record.result == 3
    assert set(slow.threads) == {"pplns-writer"}


def test_a_commit_that_fails_ends_the_run_and_can_be_resumed(store: WatchedStore) -> None:
    """As it does in a writer's thread."""
    runs = Runs(store, settings_of(Path(store.folder).parent))
    store.full = "/add@"
    failed = runs.run(counting, run_id="full")
    store.full = ""
    resumed = runs.resume(counting, "full")

    assert (failed.state, failed.final) == ("failed", False)
    assert steps_of(failed) == {"one": "succeeded", "add": "failed", "add_2": "waiting"}
    assert steps_of(resumed) == {"one": "reused", "add": "succeeded", "add_2": "succeeded"}
