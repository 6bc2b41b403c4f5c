"""What the signature of a step's function says: which parameter each argument of a call is for, and how many values
it returns.

`inspect` knows all signatures, and takes 4 ms to import. Plain calls of plain functions are bound here without it;
whatever is unusual or wrong is left to it, so that there is one text for each mistake."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping

from pplns.built_in import ref
from pplns.errors import DefinitionError
from pplns.model.frozen import Frozen
from pplns.parsing import parse_source
from pplns.steps.logical_dates import LogicalDate

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from typing import Any, TypeVar

    from pplns.steps.definitions import Step

    T = TypeVar("T")


# Flags of a code object by inspect's names.
_CO_VARIADIC = 0x4 | 0x8  # CO_VARARGS, CO_VARKEYWORDS


class PlainSignature(Frozen):
    """The parameters of a plain function: their `names` in order, how many of them may be given `by_place`, and the
    `defaults` by name. `required` are those that a step's call has to give: `logical_date()` is no default there."""

    names: tuple[str, ...]
    by_place: int
    defaults: Mapping[str, Any]
    required: frozenset[str]

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the arguments of a call by parameter name, in the order of the parameters; None for a wrong call."""
        if len(args) > self.by_place:
            return None
        bound = dict(zip(self.names, args, strict=False))
        if kwargs:
            given = {**bound, **kwargs}
            bound = {name: given[name] for name in self.names if name in given}
        is_right = len(bound) == len(args) + len(kwargs) and self.required <= bound.keys()
        return bound if is_right else None


def _remembered(make: Callable[[Callable[..., Any]], T]) -> Callable[[Callable[..., Any]], T]:
    """Make something of each function once, and forget it with that: steps defined in a pipeline function hold data."""
    known: dict[ref[Callable[..., Any]], T] = {}

    def forget(gone: ref[Callable[..., Any]]) -> None:
        known.pop(gone, None)

    def remembered(function: Callable[..., Any]) -> T:
        try:
            return known[ref(function)]  # equal to the other one to this function
        except KeyError:
            return known.setdefault(ref(function, forget), make(function))
        except TypeError:  # `str.upper` can't be referred to weakly
            return make(function)

    return remembered


def bind_arguments(step: Step[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a step's call by parameter name; defaults are left out.

    Raises: DefinitionError for arguments that its function can't take."""
    plain = plain_signature(step.function)
    bound = None if plain is None else plain.bind(args, kwargs)
    return _bind_any(step, args, kwargs) if bound is None else bound


@_remembered
def plain_signature(function: Callable[..., Any]) -> PlainSignature | None:
    """Return the parameters of a plain function, or None for what only inspect understands: any other callable, one
    with attributes, which may say another signature, and one with `*args`, `**kwargs` or parameters before `/`."""
    if not isinstance(function, types.FunctionType) or function.__dict__:
        return None
    code = function.__code__
    if code.co_flags & _CO_VARIADIC or code.co_posonlyargcount:
        return None
    by_place = function.__defaults__ or ()
    count = code.co_argcount
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    defaults = {**dict(zip(names[count - len(by_place) :], by_place, strict=False)), **(function.__kwdefaults__ or {})}
    optional = [name for name, default in defaults.items() if not isinstance(default, LogicalDate)]
    return PlainSignature(names, count, defaults, frozenset(names).difference(optional))


@_remembered
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    import inspect

    return inspect.signature(function)


def _bind_any(step: Step[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    signature = _signature(step.function)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise DefinitionError(
            f"Step {step.name!r} is called with arguments that it can't take: {error}.",
            f"Its parameters are {signature}.",
            "Correct the call in the pipeline function.",
        ) from None
    for name, parameter in signature.parameters.items():
        if isinstance(parameter.default, LogicalDate) and name not in bound.arguments:
            raise DefinitionError(
                f"Step {step.name!r} has logical_date() as the default of {name!r}.",
                "logical_date() is the default of a pipeline's parameter.",
                f"Give the pipeline such a parameter and pass it on: `{step.name}({name}={name})`.",
            )
    return dict(bound.arguments)


def count_outputs(step: Step[..., Any]) -> int | None:
    """Return how many values a step returns as a tuple, or None for a single value.

    Said by `@step(outputs=2)`, or by the annotation `-> tuple[A, B]`."""
    if step.options_set.outputs is not None:
        return step.options_set.outputs
    return _count_in_annotation(step.function)


@_remembered
def _count_in_annotation(function: Callable[..., Any]) -> int | None:
    annotation = getattr(function, "__annotations__", {}).get("return")
    if isinstance(annotation, str):
        return _count_in_text(annotation)
    if getattr(annotation, "__origin__", None) is not tuple:
        return None
    members: tuple[Any, ...] = getattr(annotation, "__args__", ())
    return None if not members or Ellipsis in members else len(members)


def _count_in_text(annotation: str) -> int | None:
    """Count the members of a postponed `tuple[A, B]`; its names may not be importable here."""
    import ast

    try:
        body = parse_source(annotation.strip().encode(), "<annotation>").body
    except SyntaxError:
        return None
    parsed = body[0].value if body and isinstance(body[0], ast.Expr) else None
    if not isinstance(parsed, ast.Subscript):
        return None
    name = parsed.value.attr if isinstance(parsed.value, ast.Attribute) else getattr(parsed.value, "id", "")
    if name not in ("tuple", "Tuple"):
        return None
    members = parsed.slice.elts if isinstance(parsed.slice, ast.Tuple) else [parsed.slice]
    if not members or any(isinstance(one, ast.Constant) and one.value is Ellipsis for one in members):
        return None
    return len(members)
