"""Python source read into a tree, from any thread."""

import os
import threading
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast

_ONE_AT_A_TIME = threading.Lock()  # `catch_warnings` swaps filters that all threads share
_TRIES = 100


def parse_source(source: bytes, file: str | os.PathLike[str]) -> "ast.Module":
    """Return the tree of a file's source, without the compiler's warnings: its import shows them.

    Raises what `ast.parse` raises: `SyntaxError`, `ValueError`, and `RecursionError` or `MemoryError` where it is
    nested too deep."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _parse(source, os.fspath(file))


def _parse(source: bytes, filename: str) -> "ast.Module":
    import ast

    for _ in range(_TRIES - 1):
        try:
            return ast.parse(source, filename=filename)
        except SystemError:  # Python 3.11 gets its own count wrong when another thread parses in between
            continue
    return ast.parse(source, filename=filename)
