"""The parameters of a pipeline: what it takes, and how what a trigger sends becomes the arguments of its function.

An unknown, missing or unconvertible parameter is refused by its name before anything runs."""

import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pplns.errors import DefinitionError, ParameterError
from pplns.model.frozen import Frozen
from pplns.model.names import shorten
from pplns.steps.annotations import UnsupportedError, bare, check_annotation, kind_of, shown
from pplns.steps.conversion import RefusedError, convert, refusal, stored
from pplns.steps.declared import MISSING, Declared, declared, sendable, signature_of
from pplns.steps.logical_dates import LogicalDate
from pplns.steps.scalars import zone

if TYPE_CHECKING:
    from pplns.steps.definitions import Pipeline

SUPPORTED = (
    "A parameter is annotated with str, int, float, bool, date, datetime, time, timedelta, Decimal, Path, UUID,"
    " Secret, an Enum, a dataclass, Literal, Any, or list, tuple, set, dict[str, …], Optional and unions of these."
)


class Parameter(Frozen):
    """A parameter of a pipeline. `shown` is its type as text; `default` is as the function has it, or MISSING.

    With `is_logical_date` the time of the run is its default."""

    name: str
    annotation: Any
    default: Any
    is_logical_date: bool
    shown: str

    @property
    def is_required(self) -> bool:
        """Whether a run can't start without it."""
        return self.default is MISSING and not self.is_logical_date

    @property
    def shown_default(self) -> str:
        """The default as it would be sent with -p, 'logical_date()' for the time of the run, or '' where none is."""
        if self.is_logical_date:
            return "logical_date()"
        if self.default is MISSING:
            return ""
        as_json = stored(self.default)
        return as_json if isinstance(as_json, str) else json.dumps(as_json, ensure_ascii=False)


def parameters_of(pipeline: "Pipeline[Any, Any]") -> tuple[Parameter, ...]:
    """Return the parameters of a pipeline, in order, each with its annotation resolved and its default checked.

    Raises: DefinitionError."""
    found = tuple(_parameter(pipeline, one) for one in declared(pipeline))
    for parameter in found:
        _default(pipeline, parameter, logical_date=datetime.now(UTC), timezone="UTC")
    return found


def convert_params(
    pipeline: "Pipeline[Any, Any]", sent: Mapping[str, Any], *, logical_date: datetime, timezone: str
) -> dict[str, Any]:
    """Return every parameter of a run, converted, defaults and logical dates filled in.

    `logical_date` is aware; `timezone` is an IANA name, where it becomes a day and where times without offset are.

    Raises: ParameterError; DefinitionError for a signature that can't be used."""
    parameters = parameters_of(pipeline)
    _check_names(pipeline, parameters, sent)
    return {
        parameter.name: _converted(pipeline, parameter, sent[parameter.name], timezone=timezone)
        if parameter.name in sent
        else _default(pipeline, parameter, logical_date=logical_date, timezone=timezone)
        for parameter in parameters
    }


def stored_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return converted parameters as JSON, for the run's record; `convert_params` makes them again from it."""
    return {name: stored(value) for name, value in params.items()}


def with_logical_date_now(
    pipeline: "Pipeline[Any, Any]", args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the keyword arguments of a plain call, parameters that default to `logical_date()` set to now in UTC."""
    function = pipeline.function
    by_place: tuple[Any, ...] = getattr(function, "__defaults__", None) or ()
    by_name: dict[str, Any] = getattr(function, "__kwdefaults__", None) or {}
    defaults = (*by_place, *by_name.values())
    if not any(isinstance(default, LogicalDate) for default in defaults):
        return dict(kwargs)
    signature = signature_of(function)
    given = signature.bind_partial(*args, **kwargs).arguments
    dated = [
        one for one in signature.parameters.values() if isinstance(one.default, LogicalDate) and one.name not in given
    ]
    _refuse_inside_a_pipeline(pipeline, [one.name for one in dated])
    now = datetime.now(UTC)
    own = {one.name: _parameter(pipeline, sendable(pipeline, one)) for one in dated}
    return {**kwargs, **{name: _logical(parameter, now, "UTC") for name, parameter in own.items()}}


def _refuse_inside_a_pipeline(pipeline: "Pipeline[Any, Any]", dated: list[str]) -> None:
    from pplns.steps.definitions import recorder

    if dated and recorder.get() is not None:
        raise DefinitionError(
            f"The pipeline {pipeline.name!r} is called inside another one without {dated[0]!r}.",
            "Its default is logical_date(), which only a run of its own has.",
            f"Pass the date on: give the outer pipeline the parameter and call {pipeline.name}({dated[0]}={dated[0]}).",
        )


def _parameter(pipeline: "Pipeline[Any, Any]", found: Declared) -> Parameter:
    annotation = _annotation(pipeline, found)
    is_logical_date = isinstance(found.default, LogicalDate)
    if is_logical_date:
        _check_dated(pipeline, found.name, annotation)
    default = MISSING if is_logical_date else found.default
    return Parameter(found.name, annotation, default, is_logical_date, shown(annotation))


def _annotation(pipeline: "Pipeline[Any, Any]", found: Declared) -> Any:
    if found.annotation is MISSING:
        return Any
    try:
        annotation = _resolved(pipeline.function, found.annotation)
        check_annotation(annotation)
    except UnsupportedError as unsupported:
        raise DefinitionError(
            f"The parameter {found.name!r} of pipeline {pipeline.name!r} is annotated {unsupported}.",
            SUPPORTED,
            "Take one of these, and make anything else inside a step.",
        ) from None
    except (NameError, SyntaxError, AttributeError, TypeError) as error:
        raise DefinitionError(
            f"The annotation {shorten(found.annotation)} of parameter {found.name!r} of pipeline {pipeline.name!r}"
            f" can't be resolved: {error}.",
            "pplns converts what is sent to the annotated type, so it must be there when the pipeline runs.",
            "Import the type at the top of the file, outside `if TYPE_CHECKING:`.",
        ) from None
    return annotation


def _resolved(function: Callable[..., Any], annotation: Any) -> Any:
    if hasattr(function, "__wrapped__"):
        import inspect

        function = inspect.unwrap(function)
    holder = types.SimpleNamespace(__annotations__={"value": annotation})
    scope = getattr(function, "__globals__", {})
    return typing.get_type_hints(holder, globalns=scope)["value"]


def _check_dated(pipeline: "Pipeline[Any, Any]", name: str, annotation: Any) -> None:
    if _dated_type(annotation) is None:
        raise DefinitionError(
            f"The parameter {name!r} of pipeline {pipeline.name!r} defaults to logical_date() and is annotated"
            f" {shown(annotation)}.",
            "logical_date() is a date, a datetime, or ISO text as str.",
            f"Write `{name}: date = logical_date()`; `from datetime import date`.",
        )


def _dated_type(annotation: Any) -> type | None:
    """Return what `logical_date()` becomes for an annotation: date, datetime, str, or None where it can't."""
    members = typing.get_args(annotation) if kind_of(annotation) == "union" else (bare(annotation),)
    return next((kind for kind in (datetime, date, str) if kind in members), None)


def _logical(parameter: Parameter, logical_date: datetime, timezone: str) -> Any:
    kind = _dated_type(parameter.annotation)
    if kind is date:
        return logical_date.astimezone(zone(timezone)).date()
    time = logical_date.astimezone(UTC)
    return time.isoformat() if kind is str else time


def _check_names(pipeline: "Pipeline[Any, Any]", parameters: tuple[Parameter, ...], sent: Mapping[str, Any]) -> None:
    known = [parameter.name for parameter in parameters]
    for name in sent:
        if name not in known:
            import difflib  # of use only after a mistake

            near = difflib.get_close_matches(name, known, n=1)
            raise ParameterError(
                f"The pipeline {pipeline.name!r} has no parameter {shorten(name)}.",
                f"Its parameters are {', '.join(repr(one) for one in known)}." if known else "It takes none.",
                f"Did you mean {near[0]!r}?" if near else "Leave it out.",
            )
    missing = [one for one in parameters if one.is_required and one.name not in sent]
    if missing:
        names = ", ".join(f"{one.name!r} ({one.shown})" for one in missing)
        raise ParameterError(
            f"The pipeline {pipeline.name!r} was not given {names}.",
            f"{'It has' if len(missing) == 1 else 'They have'} no default.",
            f"Send it, as in `-p {missing[0].name}=…`.",
        )


def _converted(pipeline: "Pipeline[Any, Any]", parameter: Parameter, value: Any, *, timezone: str) -> Any:
    try:
        return _convert(parameter, value, timezone)
    except RefusedError as refused:
        where = f"{parameter.name}{refused.place}"
        default = "" if parameter.is_required else ", or leave it out for the default"
        raise ParameterError(
            f"The parameter {where!r} of pipeline {pipeline.name!r} {refused.met}.",
            refused.expected,
            refused.remedy or f"Send another value{default}.",
        ) from None


def _default(pipeline: "Pipeline[Any, Any]", parameter: Parameter, *, logical_date: datetime, timezone: str) -> Any:
    if parameter.is_logical_date:
        return _logical(parameter, logical_date, timezone)
    if parameter.default is MISSING:
        return MISSING
    try:
        return _convert(parameter, parameter.default, timezone)
    except RefusedError as refused:
        where = f"{parameter.name}{refused.place}"
        raise DefinitionError(
            f"The default of parameter {where!r} of pipeline {pipeline.name!r} {refused.met}.",
            f"The parameter is annotated {parameter.shown}. {refused.expected}",
            refused.remedy or "Correct the default or the annotation.",
        ) from None


def _convert(parameter: Parameter, value: Any, timezone: str) -> Any:
    if value is None and parameter.default is None:
        return None
    try:
        converted = convert(value, parameter.annotation, timezone=timezone)
        reads_back = _reads_back(converted, parameter, timezone)
    except RecursionError:
        raise RefusedError("is nested too deeply", "It takes at most a few hundred levels.", "") from None
    if not reads_back:
        raise refusal(value, "what the record of a run gives back equal: annotate the parameter with its own type")
    return converted


def _reads_back(converted: Any, parameter: Parameter, timezone: str) -> bool:
    """Tell whether the record of a run gives this value back, so that a resumed run has the same parameters."""
    try:
        sent_again = json.loads(json.dumps(stored(converted), allow_nan=False))
        again = convert(sent_again, parameter.annotation, timezone=timezone)
    except (TypeError, ValueError, RefusedError):
        return False
    return type(again) is type(converted) and bool(again == converted)
