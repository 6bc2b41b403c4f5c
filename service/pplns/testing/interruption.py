"""Killing an attempt: the instant after a step's commit has landed, its process reaches the store no more.

Nothing that the attempt had under way lands afterwards, and no end is written, as when a container dies. Commits land
one at a time, so that none slips in behind the one that kills, however the steps' threads run. What the dead attempt
held counts as run out, on systems too that don't tell whether a process is gone."""

import math
import threading
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Literal

from pplns.engine.events import AttemptStarted, Event, StepCommitted
from pplns.errors import LeaseLost, NotFoundError, StopSignal
from pplns.model.names import nearest
from pplns.state.checkpoints import commit_from
from pplns.state.records import decode
from pplns.stores import Register, Store
from pplns.testing.passing import Operation, PassingStore

Interrupts = Collection[str] | Literal["every-step"]
SETTLE_SECONDS = 5.0  # what a dead attempt's threads get to end, so that no step runs beside its own repeat
NOTHING_HELD: Mapping[str, int] = {}


class UnknownInterrupt(StopSignal):
    """Ends an attempt before any step, since it would never be interrupted; `error` says which name is wrong."""

    def __init__(self, error: NotFoundError) -> None:
        super().__init__(error)
        self.error = error


class MortalStore(PassingStore):
    """The store as one attempt has it, until it dies after the commit of one of the steps `interrupts`.

    `events` takes what the attempt reports while it lives; `expired` are the registers, with their generations, that
    an attempt held which is dead already."""

    def __init__(
        self, store: Store, events: list[Event], *, interrupts: Interrupts, expired: Mapping[str, int] = NOTHING_HELD
    ) -> None:
        super().__init__(store)
        self._events = events
        self._interrupts = interrupts
        self._expired = expired
        self._commits = threading.Lock()
        self.held: dict[str, int] = {}
        self.died_after: str | None = None

    def observe(self, event: Event) -> None:
        """Take an event, unless the process that reports it is dead.

        Raises: UnknownInterrupt when the run has no step of a name to interrupt after."""
        if isinstance(event, AttemptStarted) and self._interrupts != "every-step":
            _check_names(self._interrupts, event)
        if self.died_after is None:
            self._events.append(event)

    @contextmanager
    def meet(self, operation: Operation, name: str) -> Generator[None]:
        """Refuse every operation of a dead process, and the answer to one during which it died."""
        self._require_life()
        yield
        self._require_life()

    def create(self, name: str, data: bytes) -> bool:
        """Create an object; die when it is a commit to interrupt after."""
        step = _committed_step(name)
        if step is None:
            return super().create(name, data)
        with self._commits:
            created = super().create(name, data)
            if created and (self._interrupts == "every-step" or step in self._interrupts):
                self.died_after = step
                self._events.append(StepCommitted(step=step, commit=commit_from(decode(data, name=name), name=name)))
        self._require_life()
        return created

    def read_register(self, name: str) -> Register | None:
        """Return a register; one that a dead attempt held is as old as can be."""
        found = super().read_register(name)
        if found is None or self._expired.get(name) != found.generation:
            return found
        return found.replace(age_s=math.inf)

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        """Write a register and remember that this attempt holds it."""
        generation = super().swap(name, data, expected=expected)
        if generation is not None:
            self.held[name] = generation
        return generation

    def renew(self, name: str, data: bytes, *, generation: int) -> int | None:
        """Make one's own register young again; on some stores that is a new generation."""
        renewed = super().renew(name, data, generation=generation)
        if renewed is not None:
            self.held[name] = renewed
        return renewed

    def _require_life(self) -> None:
        if self.died_after is not None:
            raise LeaseLost(f"This attempt was interrupted after step {self.died_after!r}.")


def settle_threads(before: Collection[threading.Thread]) -> None:
    """Wait for the engine's threads that weren't there `before`, at most SETTLE_SECONDS in all."""
    end = time.monotonic() + SETTLE_SECONDS
    for thread in threading.enumerate():
        if thread not in before and thread.name.startswith("pplns-"):
            thread.join(max(0.0, end - time.monotonic()))


def _committed_step(name: str) -> str | None:
    """Return the step whose commit an object is, or None for another object."""
    folder, _, base = name.rpartition("/")
    step, mark, _ = base.rpartition("@")
    return step if mark and folder.endswith("/steps") else None


def _check_names(names: Collection[str], event: AttemptStarted) -> None:
    for name in names:
        if name not in event.steps:
            close = nearest(name, event.steps)
            raise UnknownInterrupt(
                NotFoundError(
                    f"Pipeline {event.pipeline!r} has no step {name!r} to interrupt after.",
                    f"Its steps in this run: {', '.join(map(repr, event.steps))}.",
                    f"Did you mean {close!r}?" if close else 'Name one of them, or write interrupt="every-step".',
                )
            )
