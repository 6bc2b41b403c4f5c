"""Colours for lines on a terminal, as escape sequences that a stream which is none never gets to see.

The least of what click has for it, so that a run whose lines go to a file needn't import click."""

_COLORS = {"red": 31, "green": 32, "yellow": 33}


def styled(text: str, *, color: str | None = None, bold: bool = False) -> str:
    """Return a text in a colour, or as it is where nothing is asked for."""
    codes = [str(_COLORS[color])] if color else []
    codes += ["1"] if bold else []
    return f"\033[{';'.join(codes)}m{text}\033[0m" if codes else text


def unstyled(text: str) -> str:
    """Return a text without its colours."""
    if "\033[" not in text:
        return text
    first, *rest = text.split("\033[")
    return first + "".join(map(_after_codes, rest))


def _after_codes(text: str) -> str:
    """Return what follows the codes of colours at the beginning of a text; all of it with other codes."""
    codes, end, after = text.partition("m")
    return after if end and not codes.strip("0123456789;") else f"\033[{text}"
