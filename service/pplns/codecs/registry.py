"""The user's own types: what `register_type` knows, and how their values are stored and come back.

A registered value is stored as what `encode` makes of it, under the type's name and version. It is decoded once when
it is held, so that a pair of functions that doesn't lead back is refused in the step that returned the value."""

from __future__ import annotations

from collections.abc import Callable

from pplns.codecs.refusal import UnstorableError, article, class_of, full_name
from pplns.errors import DefinitionError
from pplns.model.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")
    S = TypeVar("S")


_OUR_OWN = (
    "builtins", "datetime", "decimal", "fractions", "uuid", "pathlib", "collections", "enum", "numpy", "pandas",
    "pyarrow", "polars", "pplns",
)  # fmt: skip


class Registration(Frozen):
    """A type of the user's, with its way to something storable and back."""

    cls: type
    name: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    version: int


class NotRegistered(LookupError):
    """A stored value is of a type, or a version of it, that isn't registered."""


def register_type(
    cls: type[T], name: str, *, encode: Callable[[T], S], decode: Callable[[S], T], version: int = 1
) -> None:
    """Let steps return values of a class of your own, alone or inside lists, dicts and dataclasses.

    `encode` returns anything that a step may return, a table too where the value stands alone; `decode` gets it back,
    and returns the value. `name` is kept in checkpoints and outlives a rename of the class. Raise `version` when
    `decode` can't read what an older `encode` made: such checkpoints aren't used, their steps run again. Only values
    of this very class are meant, not of its subclasses. Call it at the top of the module that defines the class.

    Raises: DefinitionError, for a name or class that is registered otherwise, or that pplns stores already."""
    _check(cls, name, version)
    before = _standing(cls, name)
    registration = Registration(cls, name, encode, decode, version)
    if before is not None:  # its module was loaded again
        _BY_CLASS.pop(before.cls, None)
    _BY_NAME[name] = _BY_CLASS[cls] = registration


def registration_of(cls: type) -> Registration | None:
    """Return what a class is registered as, or None."""
    return _BY_CLASS.get(cls)


def registered_as(name: str, version: int) -> Registration:
    """Return the registration that reads a stored value.

    Raises: NotRegistered."""
    found = _BY_NAME.get(name)
    if found is None:
        raise NotRegistered(
            f"the type {name!r} isn't registered here; call pplns.register_type(…, {name!r}, …) in a module that the"
            " pipeline imports"
        )
    if found.version != version:
        raise NotRegistered(f"version {version} of the type {name!r} was stored; version {found.version} is registered")
    return found


def to_storable(value: object, registration: Registration) -> Any:
    """Return what a registered value is stored as.

    Raises: UnstorableError."""
    try:
        return registration.encode(value)
    except Exception as error:
        raise _failed(registration, "encode", error, "Correct the function, or what the step returns.") from error


def from_storable(content: Any, registration: Registration) -> Any:
    """Return the value that a content stands for.

    Raises: ValueError, naming the type."""
    try:
        value = registration.decode(content)
    except Exception as error:
        raise ValueError(f"decode of {registration.name!r} raised {type(error).__name__}: {error}") from error
    if type(value) is not registration.cls:
        raise ValueError(f"decode of {registration.name!r} returned {article(full_name(class_of(value)))}")
    return value


def check_decodes(content: Any, registration: Registration) -> Any:
    """Return what a content decodes to, or refuse the value that it was made of.

    Raises: UnstorableError."""
    try:
        return from_storable(content, registration)
    except ValueError as error:
        cause = error.__cause__
        if cause is not None:
            raise _failed(registration, "decode", cause, "Let it take what encode returned.") from cause
        raise UnstorableError(
            f"{full_name(registration.cls)} whose {error}",
            "Let it return the value that encode was given.",
            expected=f"The functions registered as {registration.name!r} lead to something storable and back.",
        ) from None


def _failed(registration: Registration, which: str, error: BaseException, remedy: str) -> UnstorableError:
    return UnstorableError(
        f"{full_name(registration.cls)} whose registered {which} raised {type(error).__name__}: {error}",
        remedy,
        expected=f"The functions registered as {registration.name!r} lead to something storable and back.",
    )


def _check(cls: Any, name: Any, version: Any) -> None:
    if not isinstance(cls, type):
        raise DefinitionError(
            f"register_type() was given {cls!r}.", "Its first argument is a class.", "Write register_type(Money, …)."
        )
    if cls.__module__.split(".")[0].lstrip("_") in _OUR_OWN:
        raise DefinitionError(
            f"register_type() was given {_reference(cls)}, which comes from a library that pplns stores itself.",
            "A type of your own, or of another library, is registered.",
            "Convert it in the step, or wrap it in a class of your own.",
        )
    if not isinstance(name, str) or not name.strip() or type(version) is not int or version < 1:
        raise DefinitionError(
            f"register_type({cls.__qualname__}) was given the name {name!r} and the version {version!r}.",
            "A name is text that stays the same for ever; a version is 1 or more.",
            f"Write register_type({cls.__qualname__}, {cls.__qualname__.lower()!r}, …), for example.",
        )


def _standing(cls: type, name: str) -> Registration | None:
    """Return what the same class is registered as under the same name, by an earlier load of its module.

    Raises: DefinitionError, where the name or the class is another's."""
    before = _BY_NAME.get(name)
    if before is not None and _reference(before.cls) != _reference(cls):
        raise DefinitionError(
            f"The name {name!r} is registered for {_reference(before.cls)} already, and again for {_reference(cls)}.",
            "A name stands for one class.",
            f"Choose another name, {cls.__module__ + '.' + cls.__qualname__!r} for example.",
        )
    other = next(
        (one for one in _BY_NAME.values() if one.name != name and _reference(one.cls) == _reference(cls)), None
    )
    if other is not None:
        raise DefinitionError(
            f"The class {_reference(cls)} is registered as {other.name!r} already, and again as {name!r}.",
            "A class is registered once, under one name.",
            "Remove one of the two calls.",
        )
    return before


def _reference(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


_BY_NAME: dict[str, Registration] = {}
_BY_CLASS: dict[type, Registration] = {}
