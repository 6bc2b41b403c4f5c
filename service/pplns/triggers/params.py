"""The parameters in a request: a body `{"params": {…}}`, or the JSON data of a message or event.

What a trigger declares lies underneath; what is sent wins."""

import json
from collections.abc import Collection, Mapping
from typing import Any, cast

from pplns.model.names import nearest, shorten
from pplns.steps import Pipeline
from pplns.steps.parameters import parameters_of
from pplns.triggers.messages import BadDelivery
from pplns.triggers.requests import Request, UnfitJson, read_json

NOTHING = object()  # in place of data that is spent: all of it was parameters

FIT_JSON = (
    "In JSON that is taken each key stands once in its object, numbers are finite, and nesting ends at 100 levels."
)
EXAMPLE = 'Send a body like {"params": {"day": "2013-01-05"}}, or none.'


def names_of(pipeline: Pipeline[..., Any]) -> frozenset[str]:
    """Return the names of a pipeline's parameters."""
    return frozenset(parameter.name for parameter in parameters_of(pipeline))


def read_body(request: Request, *, known: Collection[str] = ("params",)) -> dict[str, Any]:
    """Return the body of an API or Scheduler request: an object with `known` keys, or nothing.

    Raises: BadDelivery, with the nearest name for a key that isn't known."""
    if not request.body.strip():
        return {}
    try:
        body: Any = read_json(request.body)
    except UnfitJson as unfit:
        raise BadDelivery(f"In the body {unfit}.", FIT_JSON, "Correct the body.") from None
    except ValueError as error:
        raise BadDelivery(f"The body is no JSON: {error}.", 'It is a JSON object with "params".', EXAMPLE) from None
    if not isinstance(body, dict):
        raise BadDelivery(f"The body is {shorten(body)}.", 'It is a JSON object with "params".', EXAMPLE)
    found = cast("dict[str, Any]", body)
    for key in found:
        _check_key(key, known)
    if not isinstance(found.get("params", {}), dict):
        raise BadDelivery(
            f'"params" in the body is {shorten(found["params"])}.',
            "It maps names of the pipeline's parameters to values.",
            EXAMPLE,
        )
    return found


def split_data(data: Any, names: Collection[str], *, has_own_shape: bool = False) -> tuple[dict[str, Any], Any]:
    """Return the parameters in a message's JSON data, and the data that is left, NOTHING where none is.

    An object under "params" is the parameters; else an object with any parameter's name in it is them, whole, so that
    a misspelt one is refused. Of an event that `has_own_shape`, which its sender can't change, those fields are taken
    that are parameters."""
    if not isinstance(data, dict):
        return {}, data
    found = cast("dict[str, Any]", data)
    inner = found.get("params")
    if isinstance(inner, dict):
        rest = {key: value for key, value in found.items() if key != "params"}
        return cast("dict[str, Any]", inner), rest or NOTHING
    if not any(name in found for name in names):
        return {}, found
    if not has_own_shape:
        return found, NOTHING
    return {name: found[name] for name in found if name in names}, found


def means_parameters(data: bytes, names: Collection[str]) -> bool:
    """Tell whether JSON that is not fit to be taken would hold parameters, read as Python reads it."""
    try:
        found: object = json.loads(data, parse_int=float)  # of any length
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and any(key in found for key in ("params", *names))


def underneath(declared: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent over what a trigger declares."""
    return {**declared, **sent}


def _check_key(key: str, known: Collection[str]) -> None:
    if key not in known:
        close = nearest(key[:100], known)
        raise BadDelivery(
            f"The body has the key {shorten(key)}.",
            f"It has {' and '.join(repr(one) for one in known)} only; parameters stand under 'params'.",
            f"Did you mean {close!r}?" if close else EXAMPLE,
        )
