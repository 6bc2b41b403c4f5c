"""What the proofs of faults share: a run with every kind of object, ways to reach its objects, what may come of it."""

import contextlib
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
import pandas as pd

from kit import Runs
from pplns import pipeline, step
from pplns.errors import DamagedRecord, LeaseHeld, NotFoundError, PplnsError, StoreError
from pplns.model.run import RunRecord
from pplns.stores import Store

ROOT = Path(__file__).parents[2]
EXPECTED = 2 * sum(range(3_000)) + 42
calls: Counter[str] = Counter()
meanwhile: dict[str, Callable[[], object]] = {}  # what happens to the store while a step runs


def begin(name: str) -> None:
    """Count a call, and let happen what a test ordered."""
    calls[name] += 1
    meanwhile.pop(name, lambda: None)()


@step
def make(rows: int) -> pd.DataFrame:
    """Return a table that is too large to be stored by the step's own thread."""
    begin("make")
    return pd.DataFrame({"number": np.arange(rows)})


@step
def number() -> int:
    begin("number")
    return 42


@step
def double(table: pd.DataFrame) -> pd.DataFrame:
    begin("double")
    return table * 2


@step
def total(table: pd.DataFrame, more: int) -> int:
    begin("total")
    return int(table["number"].sum()) + more


@step
def publish(value: int) -> int:
    begin("publish")
    return value


@pipeline
def faulty(rows: int = 3_000) -> Any:
    return publish(total(double(make(rows)), number()))


def committed(store: Store, run_id: str = "r") -> set[str]:
    """Return the names of the committed steps."""
    return {name.partition("@")[0] for name in store.children(f"faulty/runs/{run_id}/steps/")}


def outcome_of(attempt: Callable[[], RunRecord]) -> RunRecord | StoreError:
    """Attempt a run on a store that fails; it comes to a record, or to an error of the store that says what to do."""
    outcome: RunRecord | StoreError
    try:
        outcome = attempt()
    except StoreError as error:
        outcome = error
    if isinstance(outcome, StoreError):
        assert all((outcome.met, outcome.expected, outcome.remedy))
    elif outcome.state != "succeeded":
        assert outcome.error is not None
        assert (outcome.state, outcome.final, outcome.error.code) == ("failed", False, "store_unavailable"), outcome
    return outcome


def finish(runs: Runs, store: Store, run_id: str = "r") -> None:
    """Go on once the store is mended: the result is right, and nothing that was committed runs again."""
    known = committed(store, run_id)
    calls.clear()
    record = Runs(store, runs.settings).run(faulty, run_id=run_id)
    assert (record.state, record.result) == ("succeeded", EXPECTED)
    assert not known & set(calls)
    assert committed(store, run_id) == {"make", "number", "double", "total", "publish"}


class Objects(Protocol):
    """The objects of a store, past the store: to damage them."""

    def names(self) -> list[str]: ...
    def read(self, name: str) -> bytes: ...
    def write(self, name: str, data: bytes | None) -> None: ...


class Files:
    """The objects of a file store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Return the names of all objects."""
        return sorted(str(one.relative_to(self._folder)) for one in self._folder.rglob("*") if one.is_file())

    def read(self, name: str) -> bytes:
        """Return an object's bytes."""
        return (self._folder / name).read_bytes()

    def write(self, name: str, data: bytes | None) -> None:
        """Replace an object, or take it away."""
        (self._folder / name).unlink(missing_ok=True)
        if data is not None:
            (self._folder / name).write_bytes(data)


class Bucket:
    """The objects of a bucket on a stand-in for Cloud Storage."""

    def __init__(self, server: str, bucket: str, prefix: str) -> None:
        self._root = f"{server}/storage/v1/b/{bucket}"
        self._upload = f"{server}/upload/storage/v1/b/{bucket}/o?uploadType=media&name="
        self._prefix = prefix

    def names(self) -> list[str]:
        """Return the names of all objects."""
        items = json.loads(self._ask(f"{self._root}/o")).get("items", [])
        return sorted(one["name"].removeprefix(self._prefix) for one in items)

    def read(self, name: str) -> bytes:
        """Return an object's bytes."""
        return self._ask(f"{self._root}/o/{quote(self._prefix + name, safe='')}?alt=media")

    def write(self, name: str, data: bytes | None) -> None:
        """Replace an object, or take it away."""
        if data is None:
            self._ask(f"{self._root}/o/{quote(self._prefix + name, safe='')}", method="DELETE")
        else:
            self._ask(f"{self._upload}{quote(self._prefix + name, safe='')}", data, method="POST")

    def vanish(self) -> None:
        """Take away the bucket with all that is in it, however often somebody writes meanwhile."""
        is_there = True
        while is_there:
            with contextlib.suppress(urllib.error.HTTPError):
                for name in self.names():
                    self.write(name, None)
                self._ask(self._root, method="DELETE")
                is_there = False

    @staticmethod
    def _ask(url: str, data: bytes | None = None, *, method: str = "GET") -> bytes:
        headers = {"Content-Type": "application/octet-stream"}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            body: bytes = answer.read()
            return body


def resumed_or_named(runs: Runs, name: str) -> bool:
    """Resume after an object was damaged: the result is right (True), or an error names the object (False)."""
    refused: PplnsError
    try:
        record = runs.resume(faulty, "r")
    except (NotFoundError, LeaseHeld, DamagedRecord) as error:
        refused = error
    else:
        assert (record.state, record.result) == ("succeeded", EXPECTED), (name, record)
        return True
    base = name.rpartition("/")[2].partition(".")[0]
    if isinstance(refused, NotFoundError):
        assert base == "run", (name, refused)
    elif isinstance(refused, LeaseHeld):
        assert "/attempts/" in name, name  # an attempt without its end goes on until its lease has run out
    else:
        assert base in refused.met, (name, refused)
    assert refused.remedy
    return False


def damages(name: str, data: bytes) -> Iterator[bytes | None]:
    """Yield what may become of an object: nothing, half, one byte less, one bit another, something else, zeros.

    A lease is never taken away: without it the attempts that there were aren't looked for."""
    if "/lease." not in name:
        yield None
    if data:
        middle = len(data) // 2
        yield from (b"", data[:middle], data[:-1])
        yield data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        yield from (b'{"schema":1}', bytes(len(data)))
