"""Compiles modules for the container; a program for any Python from 3.11, run without site-packages.

It is called with a JSON list of [source file, path in the container, file for the bytecode]. What doesn't compile is
left to fail, or not, where it is imported.

The bytes must not depend on what else this process has compiled. `marshal` marks an object for reuse when anything
else refers to it, interned names for one, so everything that it will write is held while it writes."""

import importlib.util
import json
import marshal
import sys
from collections.abc import Iterator
from types import CodeType

UNCHECKED_HASH = 0b01  # PEP 552: has the hash of its source, which isn't looked at


def bytecode(source: bytes, path: str) -> bytes | None:
    """Return the .pyc of a module, or None where it doesn't compile."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError):
        return None
    held = list(_objects(code))
    body = marshal.dumps(code)
    held.clear()
    flags = UNCHECKED_HASH.to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + body


def _objects(value: object) -> Iterator[object]:
    """Yield what a code object is made of, and itself."""
    yield value
    if isinstance(value, CodeType):
        parts = (
            value.co_consts, value.co_names, value.co_varnames, value.co_cellvars, value.co_freevars, value.co_filename,
            value.co_name, value.co_qualname, value.co_linetable, value.co_exceptiontable,
        )  # fmt: skip
        for part in parts:
            yield from _objects(part)
    elif isinstance(value, tuple | frozenset):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _objects(item)  # pyright: ignore[reportUnknownArgumentType]


def main(listed: str) -> None:
    """Compile what a file lists."""
    import warnings

    warnings.simplefilter("ignore")  # of libraries' own old escapes
    with open(listed, encoding="utf-8") as file:  # noqa: PTH123 (pathlib would take longer to import)
        modules: list[tuple[str, str, str]] = json.load(file)
    for source, path, output in modules:
        with open(source, "rb") as opened:  # noqa: PTH123
            compiled = bytecode(opened.read(), path)
        if compiled is not None:
            with open(output, "wb") as written:  # noqa: PTH123
                written.write(compiled)


if __name__ == "__main__":
    main(sys.argv[1])
