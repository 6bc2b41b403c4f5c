"""What a decorator refuses: each option is checked where it is written, so that the error names the user's line.

Every check returns the value it was given, in the form that the definition keeps, or raises DefinitionError."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pplns.errors import DefinitionError
from pplns.model.durations import Duration, seconds_of
from pplns.model.names import shorten
from pplns.model.triggers import PubSub, Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Flags of a code object by inspect's names; importing inspect costs 7 ms.
_CO_ASYNC = 0x80 | 0x200  # CO_COROUTINE, CO_ASYNC_GENERATOR
_CO_GENERATOR = 0x20


def name_of(function: object) -> str:
    """Return a function's name as an error shows it."""
    return repr(getattr(function, "__name__", function))


def check_function(function: object, *, kind: str) -> None:
    """Refuse what can't be a step or a pipeline: classes, other objects, `async def`; a pipeline that has `yield`.

    A step may have it: what it yields are tables, stored one by one."""
    if isinstance(function, type) or not callable(function) or not hasattr(function, "__name__"):
        what = f"the class {name_of(function)}" if isinstance(function, type) else repr(function)
        raise DefinitionError(
            f"@{kind} stands on {what}.", "It decorates a function.", f"Write `@{kind}` above a `def`."
        )
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    if flags & _CO_ASYNC:
        raise DefinitionError(
            f"The {kind} {name_of(function)} is an `async def`.",
            f"A {kind} is a plain function.",
            "Write `def`, and call `asyncio.run(…)` inside a step that needs it.",
        )
    if flags & _CO_GENERATOR and kind == "pipeline":
        raise DefinitionError(
            f"The pipeline {name_of(function)} contains `yield`.",
            "A pipeline calls its steps and returns at once; a step may yield tables.",
            "Collect the handles in a list and return it.",
        )


def check_type(value: Any, wanted: type, *, what: str, where: str) -> Any:
    """Return an option whose value is written as a call of its class, such as `retry=Retry(…)`."""
    if not isinstance(value, wanted):
        raise DefinitionError(
            f"{where} has {what}={value!r}.",
            f"{what} is a {wanted.__name__}.",
            f"Write {what}={wanted.__name__}(…); `from pplns import {wanted.__name__}`.",
        )
    return value


def check_flag(value: object, *, what: str) -> bool:
    """Return an option that is on or off."""
    if not isinstance(value, bool):
        raise DefinitionError(f"{what} is {value!r}.", "It is True or False.", f"Write {what}=True, or leave it out.")
    return value


def check_timeout(timeout: Duration | None, *, what: str) -> float | None:
    """Return a timeout in seconds, or None for none."""
    seconds = None if timeout is None else seconds_of(timeout, what=what)
    if seconds == 0:
        raise DefinitionError(
            f"{what} is {timeout!r}.", "A timeout is longer than nothing.", "Leave it out for no timeout."
        )
    return seconds


def check_outputs(outputs: int | None) -> int | None:
    """Return the declared number of a step's values."""
    if outputs is not None and (isinstance(outputs, bool) or not isinstance(outputs, int) or outputs < 1):
        raise DefinitionError(
            f"@step(outputs={outputs!r}).",
            "outputs is how many values the step returns as a tuple, at least 1.",
            "Write outputs=2 for `return a, b`.",
        )
    return outputs


def check_count(count: int | None, what: str) -> int | None:
    """Return a bound of a pipeline."""
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise DefinitionError(
            f"@pipeline({what}={count!r}).",
            f"{what} is a whole number of at least 1.",
            f"Write {what}=1, or leave it out.",
        )
    return count


def check_triggers(triggers: Iterable[Schedule | PubSub], name: str) -> tuple[Schedule | PubSub, ...]:
    """Return the triggers of a pipeline; their names, where given, are unique."""
    if not isinstance(triggers, Iterable) or isinstance(triggers, str):
        raise DefinitionError(
            f"The pipeline {name} has triggers={triggers!r}.",
            "triggers is a list of Schedule and PubSub.",
            'Put it in brackets: triggers=[Schedule("0 6 * * *")].',
        )
    found = tuple(triggers)
    for trigger in found:
        if not isinstance(trigger, Schedule | PubSub):
            raise DefinitionError(
                f"The pipeline {name} has the trigger {trigger!r}.",
                "A trigger is a Schedule or a PubSub.",
                'Write triggers=[Schedule("0 6 * * *")], for example.',
            )
        if trigger.params:
            _check_sendable(trigger.params, name)
    _check_unique([trigger.name for trigger in found if trigger.name is not None], name)
    return found


def _check_sendable(params: Mapping[str, Any], pipeline: str) -> None:
    """Refuse parameters that no request can bring; whether they convert is checked with the pipeline's own."""
    import json

    from pplns.steps.conversion import stored  # of use only where a trigger has parameters

    for name, value in params.items():
        try:
            json.dumps(stored(value), allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise DefinitionError(
                f"The pipeline {pipeline} has a trigger with params={{{name!r}: {shorten(value)}}}.",
                "A trigger sends its parameters as JSON.",
                "Write the value as a request would bring it: text, a number, a list, a date.",
            ) from None


def _check_unique(names: list[str], pipeline: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DefinitionError(
                f"The pipeline {pipeline} has two triggers named {name!r}.",
                "Names of triggers are unique in a pipeline.",
                "Rename one of them.",
            )
