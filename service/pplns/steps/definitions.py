"""`step` and `pipeline`: what users decorate their functions with.

A step called while a pipeline function is being recorded returns a handle; called anywhere else it is the plain
function, so a unit test needs nothing. Importing this module must stay cheap: it is on every container's start."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextvars import ContextVar

from pplns.errors import DefinitionError
from pplns.model.frozen import Frozen
from pplns.model.names import check_name
from pplns.model.policies import NO_RETRY, Resources, Retry
from pplns.steps.checks import (
    check_count,
    check_flag,
    check_function,
    check_outputs,
    check_timeout,
    check_triggers,
    check_type,
    name_of,
)
from pplns.typed import Generic, ParamSpec, Protocol, TypeVar, overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.model.durations import Duration
    from pplns.model.triggers import PubSub, Schedule
    from pplns.steps.handles import Handle


P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_PARALLEL_STEPS = 8


class Recorder(Protocol):
    """Takes down the steps that a pipeline function calls; the graph is one."""

    def record(self, step: Step[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handle:
        """Take down one call and return the handle of its output."""
        ...


recorder: ContextVar[Recorder | None] = ContextVar("pplns_recorder", default=None)


class StepOptions(Frozen):
    """The options of a step. `timeout` in seconds. Only `outputs` is part of a step's version."""

    retry: Retry = NO_RETRY
    timeout: float | None = None
    outputs: int | None = None
    wait_for_commit: bool = False


class Step(Generic[P, R]):
    """A reusable step: a function with a name, a retry policy and a place for its checkpoint."""

    __name__: str

    def __init__(self, function: Callable[P, R], *, name: str | None = None, options: StepOptions) -> None:
        _check_undecorated(function, kind="step")
        check_function(function, kind="step")
        self.function = function
        self.name = check_name(function.__name__ if name is None else name, kind="step")
        self.options_set = options
        self.is_named = False
        self.order: tuple[object, ...] = ()
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Record the call inside a pipeline function, else call the function."""
        recording = recorder.get()
        if recording is None:
            return self.function(*args, **kwargs)
        return recording.record(self, args, kwargs)  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"<step {self.name!r}>"

    def named(self, name: str) -> Step[P, R]:
        """Return this step under another name, for one use: `clean.named("clean_returns")(x)`."""
        other = self._copy()
        other.name = check_name(name, kind="step")
        other.is_named = True
        return other

    def after(self, *outputs: object) -> Step[P, R]:
        """Return this step ordered after others without taking their data: `publish.after(y)(x)`.

        It starts once those steps, and all before them, are durable."""
        _check_called(outputs, step=self.name)
        other = self._copy()
        other.order = (*self.order, *outputs)
        return other

    def options(
        self,
        *,
        retry: Retry | None = None,
        timeout: Duration | None = None,
        wait_for_commit: bool | None = None,
    ) -> Step[P, R]:
        """Return this step with other options, for one use: `load.options(retry=Retry(attempts=5))(day)`."""
        changes: dict[str, Any] = {}
        if retry is not None:
            changes["retry"] = check_type(retry, Retry, what="retry", where=repr(self))
        if timeout is not None:
            changes["timeout"] = check_timeout(timeout, what=f"The timeout of step {self.name!r}")
        if wait_for_commit is not None:
            changes["wait_for_commit"] = check_flag(wait_for_commit, what="wait_for_commit")
        other = self._copy()
        other.options_set = self.options_set.replace(**changes)
        return other

    def _copy(self) -> Step[P, R]:
        other = Step(self.function, name=self.name, options=self.options_set)
        other.is_named = self.is_named
        other.order = self.order
        return other


class Pipeline(Generic[P, R]):
    """A pipeline: a function that connects steps, with its triggers and what its container gets."""

    __name__: str

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None,
        triggers: tuple[Schedule | PubSub, ...],
        resources: Resources,
        timeout: float | None,
        max_concurrent_runs: int | None,
        max_parallel_steps: int,
    ) -> None:
        _check_undecorated(function, kind="pipeline")
        check_function(function, kind="pipeline")
        self.function = function
        self.name = check_name(function.__name__ if name is None else name, kind="pipeline")
        self.triggers = triggers
        self.resources = resources
        self.timeout = timeout
        self.max_concurrent_runs = max_concurrent_runs
        self.max_parallel_steps = max_parallel_steps
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as plain Python: each step runs at once, nothing is stored.

        Inside another pipeline function its steps become steps of that pipeline."""
        from pplns.steps.parameters import with_logical_date_now

        return self.function(*args, **with_logical_date_now(self, args, kwargs))

    def __repr__(self) -> str:
        return f"<pipeline {self.name!r}>"

    @property
    def description(self) -> str:
        """The first line of the function's docstring, or nothing."""
        return (self.__doc__ or "").strip().split("\n")[0]


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str | None = None,
    retry: Retry = NO_RETRY,
    timeout: Duration | None = None,
    outputs: int | None = None,
    wait_for_commit: bool = False,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    retry: Retry = NO_RETRY,
    timeout: Duration | None = None,
    outputs: int | None = None,
    wait_for_commit: bool = False,
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a function a step.

    `retry`: how often it is tried (once, unless said). `timeout`: of one try. `outputs`: how many values it returns
    as a tuple, where the annotation `-> tuple[A, B]` doesn't say it. `wait_for_commit=True` starts it only when all
    before it is durable: for a step that writes to the outside and whose output others use.

    Raises: DefinitionError."""
    options = StepOptions(
        retry=check_type(retry, Retry, what="retry", where="@step"),
        timeout=check_timeout(timeout, what="The timeout of a step"),
        outputs=check_outputs(outputs),
        wait_for_commit=check_flag(wait_for_commit, what="wait_for_commit"),
    )
    if function is not None:
        return Step(function, name=name, options=options)
    return lambda decorated: Step(decorated, name=name, options=options)


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...
@overload
def pipeline(
    *,
    name: str | None = None,
    triggers: Iterable[Schedule | PubSub] = (),
    resources: Resources | None = None,
    timeout: Duration | None = None,
    max_concurrent_runs: int | None = None,
    max_parallel_steps: int = DEFAULT_PARALLEL_STEPS,
) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...
def pipeline(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    triggers: Iterable[Schedule | PubSub] = (),
    resources: Resources | None = None,
    timeout: Duration | None = None,
    max_concurrent_runs: int | None = None,
    max_parallel_steps: int = DEFAULT_PARALLEL_STEPS,
) -> Pipeline[P, R] | Callable[[Callable[P, R]], Pipeline[P, R]]:
    """Make a function that connects steps a pipeline.

    Its parameters are the pipeline's. `timeout` bounds a whole run, over all its attempts. `max_concurrent_runs`
    bounds the runs at one time, `max_parallel_steps` the steps of one run that run side by side.

    Raises: DefinitionError."""

    def decorate(decorated: Callable[P, R]) -> Pipeline[P, R]:
        where = f"The pipeline {name_of(decorated)}"
        given = Resources() if resources is None else resources
        return Pipeline(
            decorated,
            name=name,
            triggers=check_triggers(triggers, name_of(decorated)),
            resources=check_type(given, Resources, what="resources", where=where),
            timeout=check_timeout(timeout, what="The timeout of a pipeline"),
            max_concurrent_runs=check_count(max_concurrent_runs, "max_concurrent_runs"),
            max_parallel_steps=check_count(max_parallel_steps, "max_parallel_steps") or DEFAULT_PARALLEL_STEPS,
        )

    return decorate if function is None else decorate(function)


def _check_undecorated(function: object, *, kind: str) -> None:
    if isinstance(function, Step | Pipeline):
        raise DefinitionError(
            f"@{kind} stands on {function!r}.",
            "A function is either a step or a pipeline, and is decorated once.",
            "Remove one of the decorators.",
        )


def _check_called(outputs: tuple[object, ...], *, step: str) -> None:
    for output in outputs:
        if isinstance(output, Step | Pipeline):
            raise DefinitionError(
                f"The step {step!r} is ordered after {output!r} itself.",
                "`after` takes what a step's call returned.",
                "Call it first: `ready = load(…)`, then `publish.after(ready)(…)`.",
            )
