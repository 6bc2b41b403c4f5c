"""Values as exact text: constants given to steps, closure cells, defaults.

Types are part of the text. Code inside a value is not written out but handed on as a live target."""

from __future__ import annotations

import enum
import functools
import itertools
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

from pplns.fingerprint.scalars import encode_plain, encode_scalar
from pplns.fingerprint.units import Live, Unit
from pplns.model.frozen import Frozen
from pplns.steps import Pipeline, Step
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Refuse = Callable[[object, str], None]

_SEQUENCES: tuple[type[Any], ...] = (list, tuple)
_PARTIAL: type[Any] = functools.partial
_SETS: tuple[type[Any], ...] = (set, frozenset)
_MAPPINGS: tuple[type[Any], ...] = (dict, types.MappingProxyType)
_CODE: tuple[type[Any], ...] = (
    types.FunctionType,
    types.ModuleType,
    type,
    staticmethod,
    classmethod,
    property,
    Step,
    Pipeline,
)
_CODE_IN_C: tuple[type[Any], ...] = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)


def encode_value(value: object, where: str, *, refuse: Refuse | None = None) -> Unit:
    """Return a value as text, and the code inside it.

    What has no text that would be the same tomorrow goes to `refuse` with its place; without `refuse` it counts by its
    type. Sets and dicts are written without their order, an OrderedDict with it."""
    return _Encoder(refuse).encode(value, where)


def name_of_code(thing: Any) -> str:
    """Return the qualified name of a function, class or module of a library, as users spell it.

    Private modules are left out: `Path` is of `pathlib._local` in Python 3.13 only, `open` of `_io` since 3.12.
    `os.path` has another name on each system."""
    if isinstance(thing, types.ModuleType):
        return _public(thing.__name__)
    module = getattr(thing, "__module__", None) or type(thing).__module__
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", "")
    return f"{_public(module)}.{name}".removeprefix("builtins.")


def _public(module: str) -> str:
    first, *rest = module.lstrip("_").split(".")
    inner = itertools.takewhile(lambda part: not part.startswith("_"), rest)
    return ".".join(("os.path" if first in ("posixpath", "ntpath") else first, *inner))


class _Encoder:
    def __init__(self, refuse: Refuse | None) -> None:
        self._refuse = refuse
        self._around: set[int] = set()  # containers that are being written, as one may hold itself

    def encode(self, value: Any, where: str) -> Unit:
        scalar = encode_scalar(value)
        if scalar is not None:
            return Unit(scalar)
        if id(value) in self._around:
            return self._unknown(value, where)
        self._around.add(id(value))
        try:
            return self._callable(value, where) or _encode_leaf(value) or self._composite(value, where)
        finally:
            self._around.discard(id(value))

    def _unknown(self, value: object, where: str) -> Unit:
        if self._refuse is not None:
            self._refuse(value, where)
        return Unit("some", (Live(type(value)),))

    def _callable(self, value: Any, where: str) -> Unit | None:
        """Return what is made of other values and can be called."""
        if isinstance(value, types.GenericAlias):  # list[int], which passes for a class
            return self._all("alias", [value.__origin__, *value.__args__], where)
        if isinstance(value, _PARTIAL):
            return self._all("partial", [value.func, value.args, value.keywords], where)
        if isinstance(value, types.MethodType):
            return self._all("method", [value.__func__, value.__self__], where)
        if isinstance(value, types.BuiltinMethodType) and not isinstance(value.__self__, types.ModuleType | None):
            return self._all(f"method {value.__name__}", [value.__self__], where)
        wrapped: object = None if isinstance(value, _CODE) else getattr(value, "__wrapped__", None)
        if isinstance(wrapped, types.FunctionType):  # functools.lru_cache and its like
            return self._all("wrapper", (value.__class__, wrapped), where)
        return None

    def _composite(self, value: Any, where: str) -> Unit:
        if isinstance(value, _SEQUENCES):
            return _typed(self._sequence(value, where), value, list if isinstance(value, list) else tuple)
        if isinstance(value, _SETS):
            return _typed(self._set(value, where), value, set if isinstance(value, set) else frozenset)
        if isinstance(value, _MAPPINGS):
            return _typed(self._mapping(value, where), value, dict)
        return self._instance(value, where)

    def _sequence(self, values: Iterable[object], where: str) -> Unit:
        return Unit.joined("in order", [self.encode(one, f"{where}[{place}]") for place, one in enumerate(values)])

    def _set(self, values: Iterable[object], where: str) -> Unit:
        return Unit.joined("any order", sorted((self.encode(one, where) for one in values), key=_text_of))

    def _mapping(self, values: Mapping[Any, object], where: str) -> Unit:
        pairs = [self._all("pair", pair, f"{where}[{pair[0]!r}]") for pair in values.items()]
        return Unit.joined("pairs", pairs if isinstance(values, OrderedDict) else sorted(pairs, key=_text_of))

    def _instance(self, value: Any, where: str) -> Unit:
        fields = _fields_of(value)
        if fields is None:
            return self._unknown(value, where)
        parts = [self.encode(getattr(value, name), f"{where}.{name}") for name in fields]
        return _typed(Unit.joined(f"instance {' '.join(fields)}", parts), value, None)

    def _all(self, label: str, values: Iterable[object], where: str) -> Unit:
        return Unit.joined(label, [self.encode(value, where) for value in values])


def _encode_leaf(value: Any) -> Unit | None:
    """Return code, a member of an Enum, or a value without parts."""
    if isinstance(value, _CODE):
        return Unit(f"code {getattr(value, '__qualname__', '')}", (Live(value),))
    if isinstance(value, _CODE_IN_C) or type(value).__name__ == "ufunc":
        return Unit(f"code {name_of_code(value)}")
    if isinstance(value, enum.Enum):
        return Unit(f"member {value.name}", (Live(type(value)),))
    found = encode_plain(value)
    if found is None:
        return None
    text, base = found
    return Unit(text) if base is PurePath else _typed(Unit(text), value, base)


def _text_of(unit: Unit) -> str:
    return unit.text


def _typed(unit: Unit, value: object, base: type[Any] | None) -> Unit:
    """Return a unit that also says its type: the plain one, or a type of the project or of a library."""
    if base is not None and type(value) is base:
        return Unit(f"{base.__name__} {unit.text}", unit.targets)
    return Unit(f"own {unit.text}", (Live(type(value)), *unit.targets))


def _fields_of(value: object) -> tuple[str, ...] | None:
    if isinstance(value, type):
        return None
    if hasattr(type(value), "__dataclass_fields__"):
        from dataclasses import fields  # which whoever made the class has imported

        return tuple(one.name for one in fields(cast("Any", value)))
    return tuple(sorted(vars(value))) if isinstance(value, Frozen) else None
