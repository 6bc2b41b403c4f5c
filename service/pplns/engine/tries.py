"""One try of a step: take its inputs, call its function in a thread, hold what it returns.

This is one of the two borders at which errors of users' code are caught; the other one is the request."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable

from pplns import codecs
from pplns.built_in import datetime
from pplns.engine.context import CurrentRun, Gate, set_current
from pplns.engine.run_log import enter_step, leave_step
from pplns.engine.values import InputDamaged, Values
from pplns.errors import PplnsError, StorageRefused
from pplns.graph import Call, fill, kind_of
from pplns.logs.redaction import redact
from pplns.model.artifact import StoredValue
from pplns.model.frozen import Unchecked
from pplns.model.run import ErrorInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from traceback import TracebackException
    from typing import Any

    from pplns.codecs.held import TableFormat
    from pplns.engine.clock import Clock

Settle = Callable[[codecs.Held], codecs.Held]
StoreQuick = Callable[[tuple[codecs.Held, ...]], tuple[StoredValue, ...] | None]

MAX_MESSAGE_LENGTH = 4_000
MAX_TRACEBACK_LENGTH = 16_000
OWN_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # pplns_deploy is another folder


class Try(Unchecked):
    """A try under way. `token` tells it from later ones of the same step; times by the monotonic clock, in seconds."""

    step: str
    number: int
    token: int
    version: str
    started: float
    started_at: datetime
    deadline: float | None
    gate: Gate


class Returned(Unchecked):
    """A try ended with a value, now held; `stored` where it was quicker stored than handed to a writer."""

    step: str
    token: int
    held: tuple[codecs.Held, ...]
    stored: tuple[StoredValue, ...] | None
    several: bool
    duration_s: float
    finished_at: datetime

    @property
    def rows(self) -> int | None:
        """How many rows there are in all, or None where nothing held has rows."""
        counts = [one.rows for one in self.held if one.rows is not None]
        return sum(counts) if counts else None


class Raised(Unchecked):
    """A try ended with an error; `info` is what records keep of it."""

    step: str
    token: int
    error: BaseException
    info: ErrorInfo
    duration_s: float


class MetDamage(Unchecked):
    """A try couldn't begin: the checkpoint of its input `source` can't be used, that of a version of it."""

    step: str
    token: int
    source: str
    version: str | None
    reason: str


def run_try(
    one: Try,
    call: Call,
    *,
    run: CurrentRun,
    values: Values,
    table_format: TableFormat,
    clock: Clock,
    settle: Settle,
    store_quick: StoreQuick,
) -> Returned | Raised | MetDamage:
    """Run a try to its end, in the calling thread.

    `settle` writes what can be read only once, an iterator of tables say: it runs the step's own code. `store_quick`
    stores values where that takes no longer than handing them to a writer, else it returns None."""
    set_current(run)
    _count_apart()
    place = enter_step(one.step, one.number)
    begun = clock.monotonic()
    try:
        returned, files = _call(call, values)
        held, several = hold_outputs(returned, call, table_format=table_format)
        held = tuple(settle(value) for value in held)
        del files
        return Returned(
            step=one.step,
            token=one.token,
            held=held,
            stored=store_quick(held),
            several=several,
            duration_s=clock.monotonic() - begun,
            finished_at=clock.now(),
        )
    except InputDamaged as damage:
        return MetDamage(
            step=one.step, token=one.token, source=damage.step, version=damage.version, reason=damage.reason
        )
    except BaseException as error:  # the border: SystemExit from a step ends the step, not the thread
        info = info_of(error, step=one.step)
        error.__traceback__ = None  # its frames hold the step's inputs in memory
        return Raised(step=one.step, token=one.token, error=error, info=info, duration_s=clock.monotonic() - begun)
    finally:
        leave_step(place)


def _count_apart() -> None:
    """Give the try a decimal context of its own: a copied context variable leads to one that all threads share."""
    decimal = sys.modules.get("decimal")
    if decimal is not None:
        decimal.setcontext(decimal.getcontext().copy())


def hold_outputs(returned: Any, call: Call, *, table_format: TableFormat) -> tuple[tuple[codecs.Held, ...], bool]:
    """Hold what a step returned, each of several outputs by itself.

    Raises: StorageRefused."""
    if call.outputs is None:
        return (codecs.hold(returned, where=f"Step {call.name!r}", table_format=table_format),), False
    kind = kind_of(returned)
    if kind is not tuple or len(returned) != call.outputs:
        shown = f"a tuple of {len(returned)}" if kind is tuple else f"a {kind.__name__}"
        raise StorageRefused(
            f"Step {call.name!r} returned {shown}.",
            f"It declares {call.outputs} outputs, so it returns a tuple of {call.outputs}.",
            "Correct the return, the annotation `-> tuple[A, B]`, or @step(outputs=…).",
        )
    held = (
        codecs.hold(value, where=f"Output {place} of step {call.name!r}", table_format=table_format)
        for place, value in enumerate(returned)
    )
    return tuple(held), True


def info_of(error: BaseException, *, step: str) -> ErrorInfo:
    """Return what records keep of an error in a step, with the frames of the user's own code. It never fails itself.

    What pplns raises names the step where that helps; what the user's own code raises says nothing of it."""
    frames = _frames_of(error)
    raised = f"Step {step!r} raised {type(error).__name__}"
    if isinstance(error, PplnsError):
        text = _text_of(lambda: error.message) or _text_of(lambda: error)
        if not _is_raised_by_pplns(error):
            text = f"{raised}: {text}" if text else raised
        return ErrorInfo(_text_of(lambda: error.code), _cut(text), _cut(_text_of(lambda: error.hint)), frames)
    text = _text_of(lambda: error)
    message = f"{raised}: {text}" if text else raised
    return ErrorInfo("step_failed", _cut(message), "Correct the step, then resume the run.", frames)


def _is_raised_by_pplns(error: BaseException) -> bool:
    """Tell whether an error was raised in pplns itself, or never raised at all, as that of a timeout."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is None or place.tb_frame.f_code.co_filename.startswith(OWN_FOLDER)


def _text_of(read: Callable[[], object]) -> str:
    """Return what is read of an error as text."""
    try:
        return redact(str(read()))
    except (Exception, SystemExit) as unprintable:  # a class of the user's may do anything there
        return f"an error whose text can't be had ({type(unprintable).__name__})"


def _frames_of(error: BaseException) -> str | None:
    """Return the traceback through the user's code, or None where the error didn't come from there.

    An error of ours ends it with its class alone: its three parts stand beside it in the record."""
    try:
        shown = _without_own_frames(error)
        text = "".join(shown.format()).rstrip()
        if isinstance(error, PplnsError):
            text = text.removesuffix(f": {error}".rstrip())
        text = redact(text)
    except (Exception, SystemExit):  # it can't be printed, or `traceback` not be imported: no file can be opened, say
        return _bare_frames_of(error)
    return _cut(text, MAX_TRACEBACK_LENGTH) if shown.stack or shown.__cause__ or shown.__context__ else None


def _bare_frames_of(error: BaseException) -> str | None:
    """Return the places in the user's code that an error came through, and its class, by nothing but themselves."""
    lines: list[str] = []
    place = error.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        if not code.co_filename.startswith(OWN_FOLDER):
            lines.append(f'  File "{code.co_filename}", line {place.tb_lineno}, in {code.co_name}')
        place = place.tb_next
    text = "\n".join(["Traceback (most recent call last):", *lines, type(error).__name__])
    return _cut(redact(text), MAX_TRACEBACK_LENGTH) if lines else None


def _cut(text: str, length: int = MAX_MESSAGE_LENGTH) -> str:
    """Return a text, or its beginning and end where it is longer than a record should hold."""
    if len(text) <= length:
        return text
    return f"{text[: length // 2]}\n… ({len(text) - length} characters left out) …\n{text[-length // 2 :]}"


def _call(call: Call, values: Values) -> tuple[Any, list[Any]]:
    """Return what the step returns and the files among its inputs, which a returned iterator may still read."""
    supply = values.supply
    if call.names_each_once:
        supply = functools.partial(supply, last_for=call.name)
    args = [fill(value, supply) for value in call.args]
    kwargs = {name: fill(value, supply) for name, value in call.kwargs.items()}
    values.mark_handed(call.name, call.inputs)
    function: Callable[..., Any] = call.step.function
    files: list[Any] = [value for value in (*args, *kwargs.values()) if hasattr(kind_of(value), "__fspath__")]
    return function(*args, **kwargs), files


def _without_own_frames(error: BaseException) -> TracebackException:
    from traceback import StackSummary, TracebackException  # of use only where a step fails

    shown = TracebackException.from_exception(error, compact=True)
    seen: TracebackException | None = shown
    while seen is not None:
        kept = [frame for frame in seen.stack if not frame.filename.startswith(OWN_FOLDER)]
        seen.stack = StackSummary.from_list(kept)
        seen = seen.__cause__ or seen.__context__
    return shown
