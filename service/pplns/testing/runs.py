"""Running a pipeline in a test: in memory, on a clock that stands still, killed after the steps that the test names.

A killed attempt is followed by the next one until the run ends, as deliveries follow each other in the cloud."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pplns.engine.clock import Clock
from pplns.engine.events import Event, Observer, StepCommitted
from pplns.engine.runner import Origin, resume_run, run_pipeline
from pplns.errors import DefinitionError, LeaseHeld, LeaseLost, NotFoundError, StateError
from pplns.graph import Reference, build_graph, fill
from pplns.model.ids import new_token
from pplns.model.names import nearest
from pplns.model.run import ErrorInfo, RunRecord, StepRecord, Trigger
from pplns.settings import Settings, load_settings, project_above
from pplns.state.artifacts import load_value
from pplns.state.checkpoints import read_checkpoints
from pplns.state.runs import run_prefix
from pplns.steps import Pipeline
from pplns.steps.parameters import convert_params
from pplns.stores import MemoryStore, Store
from pplns.testing.clock import FrozenClock, check_aware
from pplns.testing.interruption import Interrupts, MortalStore, UnknownInterrupt, settle_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.model.run import RunState


AnyPipeline = Pipeline[..., Any]
Attempt = Callable[[Store, Observer], RunRecord]


@dataclass(frozen=True, slots=True, repr=False)
class RunOutcome:
    """A run that ended: its record, the values of its steps, and what it reported on the way.

    `events` are of all attempts that this call made, in their order; `interrupted_after` names the step behind each
    attempt that was killed. `store` and `clock` are those of the run, for another one to go on with."""

    pipeline: AnyPipeline
    record: RunRecord
    store: Store
    clock: Clock
    events: tuple[Event, ...] = ()
    interrupted_after: tuple[str, ...] = ()

    def __repr__(self) -> str:
        error = f": {self.error.message}" if self.error else ""
        return f"<run {self.record.run_id!r} of {self.pipeline.name!r}, attempt {self.attempts}, {self.state}{error}>"

    @property
    def state(self) -> RunState:
        """How the run ended."""
        return self.record.state

    @property
    def error(self) -> ErrorInfo | None:
        """The run's error, or None."""
        return self.record.error

    @property
    def attempts(self) -> int:
        """The number of attempts that the run has had."""
        return self.record.attempt

    @property
    def committed(self) -> tuple[str, ...]:
        """The steps in the order in which they became durable; a step twice was committed under two versions."""
        return tuple(event.step for event in self.events if isinstance(event, StepCommitted))

    @property
    def result(self) -> Any:
        """What the pipeline returned, as values with their types; `record.result` is the same as JSON.

        Raises: StateError, with the run's error, when it didn't succeed."""
        if self.state != "succeeded":
            raise self._without_result()
        record = self.record
        params = convert_params(
            self.pipeline, record.params, logical_date=record.logical_date, timezone=record.trigger.timezone
        )
        return fill(build_graph(self.pipeline, params).result, self._supply)

    def step(self, name: str) -> StepRecord:
        """Return the record of a step: its state, the number of its tries, its rows.

        Raises: NotFoundError."""
        steps = {one.step: one for one in self.record.steps}
        if name not in steps:
            close = nearest(name, steps)
            raise NotFoundError(
                f"Pipeline {self.pipeline.name!r} has no step {name!r}.",
                f"Its steps in this run: {', '.join(map(repr, steps))}.",
                f"Did you mean {close!r}?" if close else "Name one of them.",
            )
        return steps[name]

    def value(self, step: str) -> Any:
        """Return what a step returned, read from its checkpoint: the value that its consumers get.

        Raises: NotFoundError for an unknown step; StateError for one that isn't committed."""
        found = self.step(step)
        if found.version is None:
            raise StateError(
                f"Step {step!r} has no value: it is {found.state} in {self!r}.",
                "A step has a value once it is committed.",
                "Look at the run's error first." if self.error else "Ask for a step that ran.",
            )
        return self._supply(Reference(step=step, output=None))

    def resume(
        self, *, interrupt: str | Iterable[str] | None = None, pipeline: AnyPipeline | None = None
    ) -> RunOutcome:
        """Go on with the run as a person does, with a changed pipeline of the same name where one is given."""
        return resume(
            pipeline or self.pipeline, self.record.run_id, store=self.store, interrupt=interrupt, clock=self.clock
        )

    def _supply(self, reference: Reference) -> Any:
        prefix = run_prefix(self.pipeline.name, self.record.run_id)
        version = str(self.step(reference.step).version)
        commit = read_checkpoints(self.store, prefix).commits[reference.step, version]
        values = [load_value(self.store, value).handout() for value in commit.values]
        if reference.output is not None:
            return values[reference.output]
        return tuple(values) if commit.several else values[0]

    def _without_result(self) -> StateError:
        error = StateError(
            f"{self!r} has no result.",
            "A run has a result once it succeeded.",
            self.error.hint if self.error else "",
        )
        if self.error and self.error.traceback:
            error.add_note(self.error.traceback)
        return error


def run(
    pipeline: AnyPipeline,
    params: Mapping[str, Any] | None = None,
    *,
    interrupt: str | Iterable[str] | None = None,
    now: datetime | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
    run_id: str | None = None,
    logical_date: datetime | None = None,
) -> RunOutcome:
    """Run a pipeline to its end and return what became of it; a failed run is an outcome too.

    `params` are as a trigger would send them. `interrupt` is "every-step", or steps by name: the attempt dies the
    instant after such a step's commit has landed, what it had under way is lost, and the next attempt goes on. The
    run stands on a memory store of its own, and on a FrozenClock at `now` (aware), unless `store` or `clock` is
    given: SystemClock() for one that really waits. `logical_date` is the clock's present unless given.

    Settings are those of the project around the pipeline's file, without the environment.

    Raises: ParameterError, DefinitionError, NotFoundError for a name in `interrupt` that is no step, ConfigError."""
    clock = _clock_of(clock, now)
    settings = settings_around(pipeline)
    trigger = Trigger("manual", run_id or new_token(), timezone=settings.timezone)
    when = check_aware(logical_date or clock.now().replace(microsecond=0), what="logical_date")

    def attempt(mortal: Store, observer: Observer) -> RunRecord:
        return run_pipeline(
            pipeline, store=mortal, settings=settings, params=params, run_id=run_id, observer=observer, clock=clock,
            origin=Origin(trigger, when),
        )  # fmt: skip

    return _run_to_the_end(pipeline, attempt, store=store or MemoryStore(), clock=clock, interrupt=interrupt)


def resume(
    pipeline: AnyPipeline,
    run_id: str,
    *,
    store: Store,
    interrupt: str | Iterable[str] | None = None,
    now: datetime | None = None,
    clock: Clock | None = None,
) -> RunOutcome:
    """Go on with a run of a store, whatever it ended in, as a person does with `pplns resume`.

    What is committed and unchanged is reused. `interrupt`, `now` and `clock` are as for `run`.

    Raises: NotFoundError, LeaseHeld, and all that `run` raises."""
    clock = _clock_of(clock, now)
    settings = settings_around(pipeline)

    def attempt(mortal: Store, observer: Observer) -> RunRecord:
        return resume_run(pipeline, run_id, store=mortal, settings=settings, observer=observer, clock=clock)

    return _run_to_the_end(pipeline, attempt, store=store, clock=clock, interrupt=interrupt)


def settings_around(pipeline: AnyPipeline) -> Settings:
    """Return the settings of the project around a pipeline's file; without a project its folder is the root.

    They are read once for each folder. Raises: ConfigError for a project whose settings are malformed."""
    folder = Path(pipeline.function.__code__.co_filename).resolve().parent
    return _settings_of(folder if folder.is_dir() else Path.cwd())  # the latter for one typed into an interpreter


@functools.cache
def _settings_of(folder: Path) -> Settings:
    root = project_above(folder)
    return (
        Settings(root_dir=str(folder), pipelines_dir=str(folder)) if root is None else load_settings(root, environ={})
    )


def _run_to_the_end(
    pipeline: AnyPipeline, attempt: Attempt, *, store: Store, clock: Clock, interrupt: str | Iterable[str] | None
) -> RunOutcome:
    interrupts, events = _interrupts_of(interrupt), list[Event]()
    deaths: list[str] = []
    mortal = MortalStore(store, events, interrupts=interrupts)
    while True:
        before = threading.enumerate()
        try:
            record = attempt(mortal, mortal.observe)
        except UnknownInterrupt as unknown:
            raise unknown.error from None
        except (LeaseHeld, LeaseLost):
            if mortal.died_after is None:
                raise
            settle_threads(before)
            deaths.append(mortal.died_after)
            mortal = MortalStore(store, events, interrupts=interrupts, expired=mortal.held)
        else:
            return RunOutcome(pipeline, record, store, clock, tuple(events), tuple(deaths))


def _interrupts_of(interrupt: str | Iterable[str] | None) -> Interrupts:
    if interrupt == "every-step":
        return "every-step"
    return frozenset({interrupt} if isinstance(interrupt, str) else interrupt or ())


def _clock_of(clock: Clock | None, now: datetime | None) -> Clock:
    if clock is not None and now is not None:
        raise DefinitionError(
            f"A run is given now={now!r} and a clock.",
            "A clock says itself where it stands.",
            "Write clock=FrozenClock(now), or leave one of the two out.",
        )
    return clock or FrozenClock(now)
