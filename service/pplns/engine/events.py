"""What an attempt reports while it goes on, for whoever shows progress."""

from collections.abc import Callable

from pplns.model.artifact import Commit
from pplns.model.frozen import Unchecked
from pplns.model.run import ErrorInfo, RunRecord


class AttemptStarted(Unchecked):
    """An attempt holds the lease and has planned: `steps` in order, `reused` those that are committed already."""

    pipeline: str
    run_id: str
    attempt: int
    steps: tuple[str, ...]
    reused: tuple[str, ...]


class StepStarted(Unchecked):
    """A try of a step has begun."""

    step: str
    number: int


class StepFinished(Unchecked):
    """A step returned; its commit is on the way. `rows` of tables, None for other values."""

    step: str
    duration_s: float
    rows: int | None
    size_bytes: int | None


class StepCommitted(Unchecked):
    """A step is durable."""

    step: str
    commit: Commit


class StepRetrying(Unchecked):
    """A try failed and another one follows in `delay_s` seconds."""

    step: str
    number: int
    delay_s: float
    error: ErrorInfo


class StepFailed(Unchecked):
    """A step's tries are spent, or a retry can't help."""

    step: str
    tries: int
    duration_s: float
    error: ErrorInfo


class StepRedone(Unchecked):
    """A step's checkpoint could not be used, so it runs again; `reason` says why."""

    step: str
    reason: str


class StepReused(Unchecked):
    """A step's commit is reused after all: what it rests on was run again and came out equal."""

    step: str


class AttemptEnded(Unchecked):
    """The attempt is over and its end is recorded."""

    record: RunRecord


Event = (
    AttemptStarted
    | StepStarted
    | StepFinished
    | StepCommitted
    | StepRetrying
    | StepFailed
    | StepRedone
    | StepReused
    | AttemptEnded
)
Observer = Callable[[Event], None]


class Guarded:
    """An observer whose errors don't decide over a run: after the first one it is told nothing more.

    `error` is what it raised; it is raised again once the end is recorded, unless a stream had been closed."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.error: Exception | None = None

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        if self.error is not None:
            return
        try:
            self._observer(event)
        except Exception as error:
            self.error = error

    def raise_error(self) -> None:
        """Raise what the observer raised, if anything but a stream that can't be written."""
        if self.error is not None and not isinstance(self.error, OSError):
            raise self.error


def ignore(event: Event) -> None:
    """Take no notice: the observer of who wants none."""
