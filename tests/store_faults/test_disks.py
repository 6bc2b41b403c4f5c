"""Disks that are full or read-only: a clear error, no half object, and the run goes on once there is space."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import Runs, settings_of
from pplns.model.run import RunRecord
from pplns.stores import FileStore, new_files
from pplns.stores.files import Publish, publish_by_link
from store_faults.faulty import EXPECTED, ROOT, Files, faulty, finish, meanwhile, outcome_of


class Quota:
    """So many bytes that may still be written on this disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 10**9
        write = new_files.write_all

        def within(descriptor: int, data: Any) -> int:
            size = memoryview(data).nbytes
            if size > self.left:
                write(descriptor, memoryview(data).cast("B")[: self.left])
                self.left = 0
                raise OSError(28, "No space left on device")
            self.left -= size
            return write(descriptor, data)

        monkeypatch.setattr(new_files, "write_all", within)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "state")


def written_by_a_whole_run(folder: Path) -> int:
    store = FileStore(folder / "whole")
    Runs(store, settings_of(ROOT)).run(faulty, run_id="r")
    objects = Files(Path(store.folder))
    return sum(len(objects.read(name)) for name in objects.names())


@pytest.mark.parametrize("publish", [None, publish_by_link], ids=["without names", "temporary names"])
def test_a_disk_that_is_full_after_any_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: random.Random, sample: Callable[..., int],
    publish: Publish | None,
) -> None:  # fmt: skip
    """In the middle of an artifact or of any record: what was half written is never seen."""
    size = written_by_a_whole_run(tmp_path)
    for number in range(sample(full=500, ci=15)):
        store, quota = FileStore(tmp_path / f"{number}", publish=publish), Quota(monkeypatch)
        runs = Runs(store, settings_of(ROOT))
        quota.left = rng.randrange(size)

        outcome = outcome_of(lambda runs=runs: runs.run(faulty, run_id="r"))  # type: ignore[misc]

        message = str(outcome.error.message if isinstance(outcome, RunRecord) and outcome.error else outcome)
        assert "No space left on device" in message
        quota.left = 10**9
        finish(runs, store)
        monkeypatch.undo()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 128 KiB, for tests that may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or mount(folder, "size=128k", "-t", "tmpfs", "none").returncode:
        pytest.skip("only root on Linux may mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def mount(folder: Path, options: str, *more: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["mount", *more, "-o", options, str(folder)], capture_output=True, check=False)


def make_read_only(folder: Path) -> None:
    """Let nobody write any more; a disk is busy while a file on it, the commit before this step say, is written."""
    while b"busy" in mount(folder, "remount,ro").stderr:
        pass


def test_a_real_disk_that_is_full(disk: Path) -> None:
    """A table doesn't fit: the attempt's end still does, since what was half written is removed."""
    store = FileStore(disk / "state")
    runs = Runs(store, settings_of(ROOT))

    record = runs.run(faulty, {"rows": 200_000}, run_id="r")

    assert record.error is not None
    assert (record.state, record.final, record.error.code) == ("failed", False, "store_unavailable")
    assert "No space left on device" in record.error.message
    assert not [name for name in Files(Path(store.folder)).names() if "/.tmp-" in name or "/artifacts/" in name]
    assert mount(disk, "remount,size=64m").returncode == 0
    assert runs.run(faulty, {"rows": 200_000}, run_id="r").state == "succeeded"


@pytest.mark.parametrize("during", ["make", "double", "publish"])
def test_a_real_disk_that_becomes_read_only(disk: Path, during: str) -> None:
    """As a failing disk does: nothing can be recorded, the error says so, and the run goes on when it is mended."""
    assert mount(disk, "remount,size=64m").returncode == 0
    store = FileStore(disk / "state")
    runs = Runs(store, settings_of(ROOT))
    meanwhile[during] = lambda: make_read_only(disk)

    outcome = outcome_of(lambda: runs.run(faulty, run_id="r"))

    assert "Read-only file system" in str(outcome)
    assert mount(disk, "remount,rw").returncode == 0
    finish(runs, store)


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """A process that may write small files only (RLIMIT_FSIZE) ends its attempt with the system's words."""
    resource = pytest.importorskip("resource", reason="this system has no such limit")
    store = FileStore(tmp_path / "state")
    runs = Runs(store, settings_of(ROOT))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        record = outcome_of(lambda: runs.run(faulty, run_id="r"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert isinstance(record, RunRecord)
    assert record.error is not None
    assert "File too large" in record.error.message
    finish(runs, store)
    assert runs.run(faulty, run_id="r").result == EXPECTED
