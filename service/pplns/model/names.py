"""Names of steps and pipelines: what every file system and cloud takes."""

from collections.abc import Callable, Iterable

from pplns.errors import DefinitionError

MOST_LISTED = 12
MAX_NAME_LENGTH = 40  # with generated run ids every path of a file store stays under 240 characters on Windows

_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)


def check_name(name: object, *, kind: str) -> str:
    """Return the name of a step or pipeline, refusing what some file system or cloud would refuse.

    Raises: DefinitionError."""
    if not isinstance(name, str) or not is_name(name):
        raise DefinitionError(
            f"A {kind} is named {shorten(name)}.",
            f"A name has 1 to {MAX_NAME_LENGTH} ASCII letters, digits, '_' or '-', doesn't begin with a digit"
            " or '-', and is no device name of Windows.",
            f'Rename the function, or give the name with @{kind}(name="…").',
        )
    return name


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a step or pipeline."""
    is_ascii_word = text.isascii() and text.replace("-", "_").isidentifier() and not text.startswith("-")
    return len(text) <= MAX_NAME_LENGTH and is_ascii_word and not is_device(text)


def is_device(text: str) -> bool:
    """Tell whether a text is a device on Windows, where no file or folder can have its name."""
    return text.lower() in _WINDOWS_DEVICES


def shorten(value: object) -> str:
    """Return a value as an error shows it: its repr, cut when long."""
    try:
        text = repr(value)
    except Exception as error:  # of a class of the user's, or of a whole number of more than 4,300 digits
        text = f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= 60 else f"{text[:56]}…'"


def listed(names: Iterable[str], *, shown: Callable[[str], str] = repr) -> str:
    """Return names as an error lists them; of many the first ones, and how many more there are."""
    texts = [shown(name) for name in names]
    more = len(texts) - MOST_LISTED
    return ", ".join([*texts[:MOST_LISTED], f"and {more} more"] if more > 0 else texts) or "none"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a mistyped one most likely means, or None."""
    import difflib

    by_folded = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None
