"""Makes what steps returned durable, beside the steps that run: artifacts first, then the commit.

Runs in writer threads and reports to the executor's queue; it decides nothing. Where a commit is written in less time
than a thread takes to wake up, it waits for the deciding thread, which first lets begin what may."""

from collections.abc import Callable

from pplns import codecs
from pplns.engine.workers import Workers
from pplns.errors import LeaseLost, PplnsError
from pplns.model.artifact import Commit, StoredValue
from pplns.model.frozen import Unchecked
from pplns.state.artifacts import ArtifactPlace, store_value
from pplns.state.checkpoints import create_commit
from pplns.state.lease import Lease
from pplns.stores import Store

WRITERS = 4


class Stored(Unchecked):
    """The values of a step are durable, its commit isn't yet."""

    step: str
    token: int
    values: tuple[StoredValue, ...]


class Committed(Unchecked):
    """A commit stands: ours, or the one of who was first (`is_ours` False)."""

    step: str
    token: int
    commit: Commit
    is_ours: bool


class WriteFailed(Unchecked):
    """A value or commit couldn't be written."""

    step: str
    token: int
    error: PplnsError


class Gone(Unchecked):
    """The lease is lost: another holder works on the run."""


class Crashed(Unchecked):
    """A writer thread met what ends a process; the deciding thread raises it."""

    error: BaseException


class Committer:
    """Writes values and commits of one attempt."""

    def __init__(self, store: Store, prefix: str, *, lease: Lease, report: Callable[[object], None]) -> None:
        self._store = store
        self._prefix = prefix
        self._lease = lease
        self._report = report
        self._writers = Workers(WRITERS, name="writer")
        self._waiting: list[Callable[[], object]] = []

    def store(self, step: str, token: int, *, version: str, held: tuple[codecs.Held, ...]) -> None:
        """Write a step's values; reports Stored or WriteFailed."""
        place = ArtifactPlace(prefix=self._prefix, step=step, version=version)

        def write() -> object:
            values = tuple(store_value(self._store, place, one) for one in held)
            return Stored(step=step, token=token, values=values)

        self._submit(_guarded(step, token, write))

    def commit(self, token: int, commit: Commit) -> None:
        """Write a step's commit, or keep it for `write_waiting`; reports Committed, WriteFailed or Gone."""

        def write() -> object:
            self._lease.require()
            standing = create_commit(self._store, self._prefix, commit)
            return Committed(step=commit.step, token=token, commit=standing, is_ours=standing.writer == commit.writer)

        guarded = _guarded(commit.step, token, write)
        if self._store.writes_at_once:
            self._waiting.append(guarded)
        else:
            self._submit(guarded)

    def write_waiting(self) -> list[object]:
        """Write the commits that wait, in the calling thread, and return the reports."""
        waiting, self._waiting = self._waiting, []
        return [write() for write in waiting]

    def close(self) -> None:
        """Let the writer threads end."""
        self._writers.close()

    def _submit(self, write: Callable[[], object]) -> None:
        self._writers.submit(lambda: self._report(write()))


def _guarded(step: str, token: int, write: Callable[[], object]) -> Callable[[], object]:
    """Return a write that never raises: it returns the report of what it met."""

    def guarded() -> object:
        try:
            return write()
        except LeaseLost:
            return Gone()
        except PplnsError as error:
            return WriteFailed(step=step, token=token, error=error)
        except Exception as error:  # a writer thread must never die without a word
            return WriteFailed(step=step, token=token, error=_unexpected(error))
        except BaseException as error:
            return Crashed(error=error)

    return guarded


def _unexpected(error: Exception) -> PplnsError:
    return PplnsError(
        f"Writing a checkpoint failed: {type(error).__name__}: {error}.",
        "A value that a step may return can be written.",
        "Resume the run; if it happens again, return another type and report this.",
    )
