"""On Cloud Storage no step waits for an upload but a sink and a `wait_for_commit` step, unless its branch is behind.

The store holds uploads back until a step has done what it would never do if it waited."""

import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from fake_cloud_storage import bucket, cloud_storage, proxy
from faulty_proxy import FaultyProxy, Seen
from kit import Runs, settings_of
from pplns import current_run, pipeline, step
from pplns.stores.gcs import GcsStore
from scale.test_scale import ROOT

__all__ = ["bucket", "cloud_storage", "proxy"]

pytestmark = pytest.mark.needs_fake_gcs_server
LONGEST_WAIT_S = 10.0
log: list[str] = []
passed: dict[str, threading.Event] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    log.clear()
    passed.clear()


def grow(name: str, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Note that a step has its inputs, and return a table, whose upload may be held back."""
    log.append(f"{name} starts")
    passed.setdefault(name, threading.Event()).set()
    return pd.DataFrame({"n": range(5)}) if table is None else table + 1


@step
def first() -> pd.DataFrame:
    return grow("first")


@step
def second(table: pd.DataFrame) -> pd.DataFrame:
    return grow("second", table)


@step
def third(table: pd.DataFrame) -> pd.DataFrame:
    return grow("third", table)


@step
def elsewhere() -> pd.DataFrame:
    return grow("elsewhere")


@step
def elsewhere_too(table: pd.DataFrame) -> pd.DataFrame:
    return grow("elsewhere_too", table)


@step(wait_for_commit=True)
def careful(table: pd.DataFrame) -> pd.DataFrame:
    return grow("careful", table)


@step
def keyed(table: pd.DataFrame) -> pd.DataFrame:
    grown = grow("keyed", table)
    log.append(f"key {len(current_run().idempotency_key)}")
    return grown


@step
def sink(*tables: pd.DataFrame) -> int:
    log.append("sink starts")
    return sum(int(one["n"].sum()) for one in tables)


@pipeline
def branches() -> Any:
    return sink(third(second(first())), elsewhere_too(elsewhere()))


@pipeline
def carefully() -> Any:
    return sink(careful(first()))


@pipeline
def by_key() -> Any:
    return sink(keyed(first()))


@pipeline
def at_once() -> Any:
    return sink(first())


def hold(proxy: FaultyProxy, upload: str, *, until: str | None) -> None:
    """Answer the upload of an artifact only when a step has started, and note in the log when."""

    def meet(seen: Seen) -> None:
        if f"/artifacts/{upload}@" in seen.name:
            if until is not None:
                assert passed.setdefault(until, threading.Event()).wait(LONGEST_WAIT_S), f"{until} waited for {upload}"
            log.append(f"{upload} is stored")

    proxy.meanwhile = meet


@pytest.fixture
def run(bucket: str, proxy: FaultyProxy) -> Callable[[Any], Any]:
    runs = Runs(GcsStore(f"gs://{bucket}/state"), settings_of(ROOT))
    return lambda which: runs.run(which).state


def test_the_next_step_does_not_wait(run: Callable[[Any], Any], proxy: FaultyProxy) -> None:
    """The first upload is answered only after the second step has started; the third starts after that upload."""
    hold(proxy, "first", until="second")

    assert run(branches) == "succeeded"

    assert log.index("second starts") < log.index("first is stored") < log.index("third starts")
    assert log[-1] == "sink starts"


def test_another_branch_does_not_wait(run: Callable[[Any], Any], proxy: FaultyProxy) -> None:
    """It goes on to its end while the upload of the first branch is held back."""
    hold(proxy, "first", until="elsewhere_too")

    assert run(branches) == "succeeded"

    assert log.index("elsewhere_too starts") < log.index("first is stored") < log.index("third starts")


@pytest.mark.parametrize(
    ("which", "line"),
    [(at_once, "sink starts"), (carefully, "careful starts"), (by_key, "key 64")],
    ids=["sink", "wait_for_commit", "idempotency_key"],
)
def test_what_writes_to_the_outside_waits(run: Callable[[Any], Any], proxy: FaultyProxy, which: Any, line: str) -> None:
    """A sink, a step that asks for it, and whoever reads its key: not before the upload before it has arrived."""
    hold(proxy, "first", until=None)

    assert run(which) == "succeeded"

    assert log.index("first is stored") < log.index(line)
