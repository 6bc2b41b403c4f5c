"""Enum members, dataclasses and NamedTuples: stored by the name of their class, which is looked up again.

Nothing of such a class runs when a value comes back: fields are set as they were, without `__init__`. A class that
can't be found by its name, now or later, is refused or makes the checkpoint unusable, so that the step runs again."""

import importlib
import sys
from typing import Any, cast

from pplns.codecs.refusal import UnstorableError, class_of, unstorable
from pplns.codecs.values import Within, decode, encode, encode_items, encode_pairs, entered, tagged


def encode_instance(value: object, within: Within) -> Any:
    """Return an Enum member, dataclass or NamedTuple as tagged JSON.

    Raises: UnstorableError, for every other value too."""
    cls = type(value)
    if _is_enum(cls):
        return _encode_member(value, within)
    if hasattr(cls, "__dataclass_fields__"):
        return _encode_dataclass(value, within)
    if tuple in cls.__mro__ and hasattr(cls, "_fields") and hasattr(cls, "_make"):
        return _encode_named_tuple(value, within)
    raise unstorable(value)


def decode_member(content: dict[str, Any]) -> Any:
    """Return an Enum member by its name, a flag by its value."""
    cls = find_class(content["class"])
    if not _is_enum(cls):
        raise TypeError(f"{content['class']} is no Enum")
    return cls[content["name"]] if "name" in content else cls(decode(content["value"]))


def decode_dataclass(content: dict[str, Any]) -> Any:
    """Return a dataclass with the fields and attributes that it had."""
    cls = find_class(content["class"])
    state = {name: decode(item) for name, item in content["state"].items()}
    wanted = getattr(cls, "__dataclass_fields__", None)
    if wanted is None or content["fields"] != _field_names(cls):
        raise TypeError(f"{content['class']} has other fields than when it was stored")
    value = object.__new__(cls)
    for name, item in state.items():
        object.__setattr__(value, name, item)
    return value


def decode_named_tuple(content: dict[str, Any]) -> Any:
    """Return a NamedTuple with the items that it had."""
    cls = find_class(content["class"])
    if tuple not in cls.__mro__ or list(getattr(cls, "_fields", ())) != content["fields"]:
        raise TypeError(f"{content['class']} has other fields than when it was stored")
    return cast(Any, tuple).__new__(cls, decode(content["v"]))


def reference_to(cls: type) -> str:
    """Return the name by which a class is found again.

    Raises: UnstorableError, for a local class or one that another has replaced."""
    reference = f"{cls.__module__}:{cls.__qualname__}"
    try:
        found: object = find_class(reference)
    except (ImportError, AttributeError):
        found = None
    if found is cls:
        return reference
    raise UnstorableError(
        f"an instance of {cls.__qualname__}, a class that can't be found again as {reference!r}",
        "Define the class at the top of a module, not inside a function, and under one name only.",
        expected="Enum members, dataclasses and NamedTuples are stored by the name of their class.",
    )


def find_class(reference: str) -> Any:
    """Return the class of a name such as `project.orders:Order`, importing its module where it must.

    Raises: ImportError, AttributeError."""
    module_name, _, qualified = reference.partition(":")
    found: Any = importlib.import_module(module_name)
    for name in qualified.split("."):
        found = getattr(found, name)
    return found


def _is_enum(cls: type) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and issubclass(cls, enum.Enum)


def _encode_member(value: Any, within: Within) -> Any:
    cls = class_of(value)
    reference = reference_to(cls)
    if cls.__members__.get(value.name) is value:
        return tagged("enum", {"class": reference, "name": value.name})
    return tagged("enum", {"class": reference, "value": encode(value.value, within)})


def _encode_dataclass(value: Any, within: Within) -> Any:
    cls = class_of(value)
    if isinstance(value, type) or not _is_plain_object(cls):
        raise unstorable(value)
    content = {"class": reference_to(cls), "fields": _field_names(cls)}
    try:
        state = dict(encode_pairs(_state_of(value), entered(value, within)))
    except UnstorableError as refused:
        refused.places[-1] = f".{refused.places[-1][2:-2]}"
        raise
    within.pop()
    return tagged("dataclass", {**content, "state": state})


def _encode_named_tuple(value: Any, within: Within) -> Any:
    cls = class_of(value)
    if getattr(value, "__dict__", None):
        raise unstorable(value)
    reference = reference_to(cls)
    items = encode_items(tuple(value), entered(value, within))
    within.pop()
    return tagged("namedtuple", {"class": reference, "fields": list(cls._fields), "v": items})


def _field_names(cls: Any) -> list[str]:
    return list(cls.__dataclass_fields__)


def _state_of(value: Any) -> dict[str, Any]:
    unset = object()
    fields = {name: getattr(value, name, unset) for name in _slots_of(class_of(value))}
    return {name: item for name, item in fields.items() if item is not unset} | getattr(value, "__dict__", {})


def _slots_of(cls: type) -> list[str]:
    slots: list[str] = []
    for base in reversed(cls.__mro__):
        declared = base.__dict__.get("__slots__", ())
        slots += [declared] if isinstance(declared, str) else list(declared)
    return [name for name in slots if name not in ("__weakref__", "__dict__")]


def _is_plain_object(cls: type) -> bool:
    try:
        object.__new__(cls)
    except TypeError:
        return False
    return True
