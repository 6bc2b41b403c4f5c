"""Makes what steps returned durable, beside the steps that run: artifacts first, then the commit.

Runs in writer threads and reports to the executor's queue; it decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from pplns import codecs
from pplns.engine.workers import Workers
from pplns.errors import LeaseLost, PplnsError
from pplns.model.artifact import Commit, StoredValue
from pplns.state.artifacts import ArtifactPlace, store_value
from pplns.state.checkpoints import create_commit
from pplns.state.lease import Lease
from pplns.stores import Store

WRITERS = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """The values of a step are durable, its commit isn't yet."""

    step: str
    token: int
    values: tuple[StoredValue, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit stands: ours, or the one of who was first (`is_ours` False)."""

    step: str
    token: int
    commit: Commit
    is_ours: bool


@dataclass(frozen=True, slots=True)
class WriteFailed:
    """A value or commit couldn't be written."""

    step: str
    token: int
    error: PplnsError


@dataclass(frozen=True, slots=True)
class Gone:
    """The lease is lost: another holder works on the run."""


@dataclass(frozen=True, slots=True)
class Crashed:
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

    def store(self, step: str, token: int, *, version: str, held: tuple[codecs.Held, ...]) -> None:
        """Write a step's values; reports Stored or WriteFailed."""
        place = ArtifactPlace(self._prefix, step, version)

        def write() -> None:
            values = tuple(store_value(self._store, place, one) for one in held)
            self._report(Stored(step, token, values))

        self._submit(step, token, write)

    def commit(self, token: int, commit: Commit) -> None:
        """Write a step's commit; reports Committed, WriteFailed or Gone."""

        def write() -> None:
            self._lease.require()
            standing = create_commit(self._store, self._prefix, commit)
            self._report(Committed(commit.step, token, standing, standing.writer == commit.writer))

        self._submit(commit.step, token, write)

    def close(self) -> None:
        """Let the writer threads end."""
        self._writers.close()

    def _submit(self, step: str, token: int, write: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                write()
            except LeaseLost:
                self._report(Gone())
            except PplnsError as error:
                self._report(WriteFailed(step, token, error))
            except Exception as error:  # a writer thread must never die without a word
                self._report(WriteFailed(step, token, _unexpected(error)))
            except BaseException as error:
                self._report(Crashed(error))

        self._writers.submit(guarded)


def _unexpected(error: Exception) -> PplnsError:
    return PplnsError(
        f"Writing a checkpoint failed: {type(error).__name__}: {error}.",
        "A value that a step may return can be written.",
        "Resume the run; if it happens again, return another type and report this.",
    )
