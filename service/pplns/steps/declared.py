"""The parameters of a pipeline as its function declares them, before anything in them is resolved.

A plain function is read without `inspect`, which takes 4 ms to import; any other callable by it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from pplns.errors import DefinitionError
from pplns.model.frozen import Frozen
from pplns.steps.signatures import plain_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from typing import Any, Final

    from pplns.steps.definitions import Pipeline


class _Missing:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class Declared(Frozen):
    """A parameter as the function declares it; MISSING where it has no annotation, or no default."""

    name: str
    annotation: Any
    default: Any


def declared(pipeline: Pipeline[Any, Any]) -> list[Declared]:
    """Return the parameters of a pipeline, in order.

    Raises: DefinitionError for one that can't be sent by its name."""
    plain = plain_signature(pipeline.function)
    if plain is None:
        return [sendable(pipeline, one) for one in signature_of(pipeline.function).parameters.values()]
    annotations = _annotations(pipeline.function)
    return [Declared(name, annotations.get(name, MISSING), plain.defaults.get(name, MISSING)) for name in plain.names]


def has_parameters(pipeline: Pipeline[Any, Any]) -> bool:
    """Tell whether a pipeline has parameters; yes where only inspect could tell."""
    plain = plain_signature(pipeline.function)
    return plain is None or bool(plain.names)


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    return function.__annotations__


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of any callable; names in annotations need not be there."""
    import inspect

    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def sendable(pipeline: Pipeline[Any, Any], found: inspect.Parameter) -> Declared:
    """Return a parameter that inspect has found.

    Raises: DefinitionError for one that can't be sent by its name."""
    if found.kind in (found.VAR_POSITIONAL, found.VAR_KEYWORD, found.POSITIONAL_ONLY):
        raise DefinitionError(
            f"The pipeline {pipeline.name!r} has the parameter {str(found).split(':')[0]!r}.",
            "A run sends each parameter by its name, so *args, **kwargs and parameters before '/' can't be sent.",
            "Give each parameter a name of its own.",
        )
    annotation = MISSING if found.annotation is found.empty else found.annotation
    return Declared(found.name, annotation, MISSING if found.default is found.empty else found.default)
