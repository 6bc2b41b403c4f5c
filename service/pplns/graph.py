"""The graph of a pipeline: the steps that its function calls, recorded by calling it once with a run's parameters.

Nothing runs here. Calls stand in the order in which the function made them, so each one comes after those whose
output it takes. Handles in arguments become references, inside tuples, lists and dicts too."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping

from pplns.errors import DefinitionError, ParameterError, PplnsError, StopSignal
from pplns.model.frozen import Unchecked
from pplns.model.names import shorten
from pplns.steps import Handle, Pipeline, Step, recorder, source_of
from pplns.steps.signatures import bind_arguments, count_outputs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_ARGUMENT_DEPTH = 50
SEQUENCES: frozenset[Any] = frozenset({list, tuple})
SETS: frozenset[Any] = frozenset({set, frozenset})
MAPPINGS: frozenset[Any] = frozenset({dict})
_IMMUTABLE = (type(None), bool, int, float, complex, str, bytes, type, types.FunctionType)


class Reference(Unchecked):
    """Stands in a call's arguments for the output of a step, or for one of its several outputs."""

    step: str
    output: int | None = None


class Call(Unchecked):
    """One use of a step in a pipeline. `arguments` by parameter name, with references for outputs of other steps.

    `inputs` are the steps whose data it takes, `after` those it is only ordered after; each name once.
    `names_each_once`: its arguments hold one reference to each of its inputs."""

    name: str
    step: Step[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    arguments: Mapping[str, Any]
    inputs: tuple[str, ...]
    after: tuple[str, ...]
    outputs: int | None
    names_each_once: bool

    @property
    def before(self) -> tuple[str, ...]:
        """All steps that come before this one, for their data or for order."""
        if not self.after:
            return self.inputs
        return self.inputs + tuple(name for name in self.after if name not in self.inputs)


class Graph:
    """The calls of a pipeline in order, and what its function returned, with references. Never changed."""

    def __init__(self, pipeline: str, calls: tuple[Call, ...], result: Any) -> None:
        self.pipeline = pipeline
        self.calls = calls
        self.result = result
        self._by_name = {call.name: call for call in calls}
        ordered = [call for call in calls if call.after]
        self._consumers = _inverted((call.name, call.inputs) for call in calls)
        self._dependents = _inverted((call.name, call.before) for call in calls) if ordered else self._consumers
        followers = {name for call in ordered for name in call.after}
        self._waiting = frozenset(
            call.name
            for call in calls
            if call.after or call.name in followers or self.is_sink(call.name) or call.step.options_set.wait_for_commit
        )

    def __getitem__(self, name: str) -> Call:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the steps, in order."""
        return tuple(self._by_name)

    def consumers(self, name: str) -> tuple[str, ...]:
        """Return the steps that take the data of one."""
        return self._consumers.get(name, ())

    def dependents(self, name: str) -> tuple[str, ...]:
        """Return the steps that come directly after one, for its data or for order."""
        return self._dependents.get(name, ())

    def ancestors(self, name: str) -> frozenset[str]:
        """Return all steps that come before one, directly or not."""
        found = {name}
        for call in reversed(self.calls):
            if call.name in found:
                found.update(call.before)
        return frozenset(found - {name})

    def descendants(self, name: str) -> tuple[str, ...]:
        """Return all steps that come after one, directly or not, in order."""
        found = {name}
        for call in self.calls:
            if not found.isdisjoint(call.before):
                found.add(call.name)
        return tuple(one for one in self.names if one in found and one != name)

    def is_sink(self, name: str) -> bool:
        """Tell whether nothing consumes a step; being returned by the pipeline is no consumption."""
        return not self._consumers.get(name)

    def waits_for_commits(self, name: str) -> bool:
        """Tell whether a step starts only when everything before it is durable (PROTOCOL, commits, rule 3)."""
        return name in self._waiting


def _inverted(before: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    """Return, of steps and those before each, the steps after each."""
    found: dict[str, list[str]] = {}
    for after, names in before:
        for name in names:
            found.setdefault(name, []).append(after)
    return {name: tuple(names) for name, names in found.items()}


def build_graph(pipeline: Pipeline[..., Any], params: Mapping[str, Any]) -> Graph:
    """Call the pipeline's function with converted parameters and return the graph that it connects.

    Raises: DefinitionError, with file and line, for a misuse of a handle and for whatever the function raises but
    a ParameterError, which passes: the function may refuse the value of a parameter."""
    recording = _Recording(pipeline.name)
    token = recorder.set(recording)
    try:
        returned = pipeline.function(**params)
    except (ParameterError, StopSignal, KeyboardInterrupt):
        raise
    except PplnsError as error:
        raise DefinitionError(f"{_place(error, pipeline)}{error.met}", error.expected, error.remedy) from error
    except BaseException as error:  # sys.exit() in it would end the process that serves
        raise DefinitionError(
            f"{_place(error, pipeline)}The function of pipeline {pipeline.name!r} raised"
            f" {type(error).__name__}: {error}.",
            "It only connects steps; what it computes itself must not fail.",
            "Correct it, or move the work into a step.",
        ) from error
    finally:
        recorder.reset(token)
    result = recording.reference(returned, where=f"What pipeline {pipeline.name!r} returns")
    for constant in constants_in(result):
        if isinstance(constant, Step | Pipeline):
            raise DefinitionError(
                f"Pipeline {pipeline.name!r} returns the {constant!r} itself.".replace("<", "").replace(">", ""),
                "It returns outputs of steps, and constants.",
                "Call it: `return publish(x)`.",
            )
    return Graph(pipeline.name, tuple(recording.calls), result)


def references_in(value: Any) -> list[Reference]:
    """Return the references in an argument or a result, in order."""
    if isinstance(value, Reference):
        return [value]
    kind = kind_of(value)
    if kind in SEQUENCES or is_named_tuple(value):
        return [found for one in value for found in references_in(one)]
    if kind in MAPPINGS:
        return [found for one in value.values() for found in references_in(one)]
    return []


def constants_in(value: Any) -> Iterator[Any]:
    """Yield what is no container and no reference in an argument or a result, in order."""
    kind = kind_of(value)
    if kind in SEQUENCES or is_named_tuple(value):
        for one in value:
            yield from constants_in(one)
    elif kind in MAPPINGS:
        for one in value.values():
            yield from constants_in(one)
    elif not isinstance(value, Reference):
        yield value


def kind_of(value: object) -> Any:
    """Return the type of a value, for comparing only."""
    return type(value)


def is_named_tuple(value: object) -> bool:
    """Tell whether a value is a named tuple, whose fields may hold references too."""
    return isinstance(value, tuple) and hasattr(type(value), "_fields")  # pyright: ignore[reportUnknownArgumentType]


def fill(value: Any, supply: Callable[[Reference], Any]) -> Any:
    """Return an argument with its references replaced; every container and constant that can be copied is a fresh copy.

    A step that changes a constant it was given thus changes nobody else's."""
    kind = kind_of(value)
    if isinstance(value, Reference):
        return supply(value)
    if kind in SEQUENCES:
        return kind(fill(one, supply) for one in value)
    if is_named_tuple(value):
        return kind(*(fill(one, supply) for one in value))
    if kind in MAPPINGS:
        return {key: fill(one, supply) for key, one in value.items()}
    return copied(value)


def copied(value: Any) -> Any:
    """Return a copy of a value, or itself where it can't be copied, as a module, a read-only mapping or a lock."""
    if isinstance(value, _IMMUTABLE):
        return value
    import copy

    try:
        return copy.deepcopy(value)
    except Exception:  # a class of the user's may raise anything
        return value


class _Recording:
    """Takes down the calls of one pipeline function; the identity of its handles."""

    def __init__(self, pipeline: str) -> None:
        self.pipeline = pipeline
        self.calls: list[Call] = []
        self._taken: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def record(self, step: Step[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handle:
        """Take down one call of a step."""
        name = self._name(step)
        where = f"Step {name!r}"
        args = tuple([self.reference(one, where=where) for one in args])
        kwargs = {key: self.reference(one, where=where) for key, one in kwargs.items()}
        arguments = bind_arguments(step, args, kwargs)
        outputs = count_outputs(step)
        references = references_in((*args, *kwargs.values()))
        inputs = _steps_of(references)
        call = Call(
            name=name, step=step, args=args, kwargs=kwargs, arguments=arguments, inputs=inputs,
            after=_steps_of(self._order(step, name)) if step.order else (), outputs=outputs,
            names_each_once=len(references) == len(inputs),
        )  # fmt: skip
        self.calls.append(call)
        self._taken[name.casefold()] = name
        return Handle(self, name, outputs=outputs)

    def reference(self, value: Any, *, where: str, depth: int = 0) -> Any:
        """Return a value with references for its handles, in containers of its own."""
        if depth > MAX_ARGUMENT_DEPTH:
            raise DefinitionError(
                f"{where} is nested more than {MAX_ARGUMENT_DEPTH} deep.",
                "Handles may stand in tuples, lists and dicts.", "Flatten it, or build it inside a step.",
            )  # fmt: skip
        if isinstance(value, Handle):
            return self._own(value, where)
        if isinstance(value, _IMMUTABLE):
            return value
        inner = functools.partial(self.reference, where=where, depth=depth + 1)
        kind = kind_of(value)
        if kind in SEQUENCES:
            return kind(inner(one) for one in value)
        if is_named_tuple(value):
            return kind(*(inner(one) for one in value))
        if kind in MAPPINGS:
            return {_no_handle(key, where): inner(one) for key, one in value.items()}
        if kind in SETS:
            for one in value:
                _no_handle(one, where)
        return value

    def _own(self, handle: Handle, where: str) -> Reference:
        graph, step, output = source_of(handle)
        if graph is not self:
            raise DefinitionError(
                f"{where} is given the output of step {step!r} of another run of a pipeline function.",
                "A handle belongs to the call of the pipeline function that made it.",
                "Keep no handles in variables outside the function; call the step again inside.",
            )
        return Reference(step=step, output=output)

    def _order(self, step: Step[..., Any], name: str) -> Iterator[Reference]:
        found = [self.reference(one, where=f"Step {name!r}") for one in step.order]
        for one in found:
            references = references_in(one)
            if not references:
                raise DefinitionError(
                    f"Step {name!r} is ordered after {shorten(one)}.",
                    "after() takes outputs of steps of this pipeline.",
                    "Write `publish.after(loaded)(x)` with `loaded = load(…)` before it.",
                )
            yield from references

    def _name(self, step: Step[..., Any]) -> str:
        if step.name.casefold() not in self._taken:
            return step.name
        if step.is_named:
            raise DefinitionError(
                f"Two steps of pipeline {self.pipeline!r} are named {step.name!r}"
                f" and {self._taken[step.name.casefold()]!r}.",
                "Names of steps are unique in a pipeline, upper and lower case alike.",
                f'Name one of them with `.named("{step.name}_…")`.',
            )
        number = self._numbers.get(step.name, 2)
        while f"{step.name}_{number}".casefold() in self._taken:
            number += 1
        self._numbers[step.name] = number + 1  # so that a step used a thousand times isn't searched for each time
        return f"{step.name}_{number}"


def _steps_of(references: Iterable[Reference]) -> tuple[str, ...]:
    """Return the steps that references stand for, each once."""
    return tuple(dict.fromkeys([one.step for one in references]))


def _no_handle(value: object, where: str) -> object:
    if isinstance(value, Handle):
        raise DefinitionError(
            f"{where} is given a handle as a dict key or in a set.",
            "Handles may stand in tuples, lists and as values of dicts.",
            "Use a list, or build the set inside a step.",
        )
    return value


def _place(error: BaseException, pipeline: Pipeline[..., Any]) -> str:
    """Return "file:line: " of the innermost frame in the file of the pipeline, to stand before a message."""
    import traceback

    own = pipeline.function.__code__.co_filename
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    return f"{own}:{lines[-1]}: " if lines else ""
