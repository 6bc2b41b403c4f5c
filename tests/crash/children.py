"""What the killed processes do: attempt the branching run, and die between two operations if they are told to."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google.auth.transport.requests  # noqa: F401 - imported before the birth of children, as all here
import pandas as pd  # noqa: F401
import pyarrow as pa  # noqa: F401
import pyarrow.feather  # noqa: F401

from crash.branching import branching
from kit import settings_of
from pplns.engine.runner import run_pipeline
from pplns.errors import LeaseHeld
from pplns.stores import FileStore, Store, open_store
from pplns.stores.files import Publish
from pplns.stores.protocol import Upload
from pplns.testing.passing import Operation, PassingStore

ROOT = Path(__file__).parents[2]


class Mortality:
    """Counts the points between operations, and kills this process at one of them."""

    def __init__(self, dies_at: int | None) -> None:
        self._dies_at = dies_at
        self._guard = threading.Lock()
        self.points = 0

    def pass_point(self) -> None:
        """Die here, or go on. Other threads wait meanwhile, so that none is past its own next point."""
        with self._guard:
            self.points += 1
            if self.points == self._dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
                threading.Event().wait()


class MortalStore(PassingStore):
    """A store between whose operations the process may die."""

    def __init__(self, store: Store, mortality: Mortality) -> None:
        super().__init__(store)
        self._mortality = mortality

    @contextmanager
    def meet(self, operation: Operation, name: str) -> Iterator[None]:
        """Let an operation take effect between two points."""
        self._mortality.pass_point()
        yield
        self._mortality.pass_point()


def attempt(
    *, url: str, run_id: str, journal: str, step_seconds: float, lease_seconds: float, dies_at: int | None = None
) -> dict[str, Any]:
    """Run or go on with the branching run and tell how it came out, or that its lease is held."""
    os.environ |= {"BRANCHING_JOURNAL": journal, "BRANCHING_STEP_SECONDS": str(step_seconds)}
    mortality = Mortality(dies_at)
    store = open_mortal(url, mortality) if dies_at is not None else open_store(url, root=ROOT)
    settings = settings_of(ROOT, PPLNS_LEASE_SECONDS=str(lease_seconds))
    try:
        record = run_pipeline(branching, store=store, settings=settings, run_id=run_id)
    except LeaseHeld:
        return {"held": True}
    return {"held": False, "points": mortality.points, "record": record.as_json()}


class MortalFiles(FileStore):
    """A file store that may die when an artifact has its name and no bytes, and when it has bytes and isn't closed."""

    def __init__(self, path: Path, *, publish: Publish, mortality: Mortality) -> None:
        super().__init__(path, publish=publish)
        self._mortality = mortality

    @contextmanager
    def upload(self, name: str) -> Iterator[Upload]:
        with super().upload(name) as upload:
            self._mortality.pass_point()
            yield upload
            self._mortality.pass_point()


def open_mortal(url: str, mortality: Mortality) -> Store:
    """Open a store in which the process may die, on files also between the link and the unlink of a name, and while an
    artifact stands there unfinished."""
    store = open_store(url, root=ROOT)
    if not isinstance(store, FileStore):
        return MortalStore(store, mortality)

    def publish(temporary: str, name: str) -> None:
        mortality.pass_point()
        try:
            os.link(temporary, name)
        finally:
            mortality.pass_point()
            os.unlink(temporary)  # noqa: PTH108

    return MortalStore(MortalFiles(store.folder, publish=publish, mortality=mortality), mortality)
