"""Finds pplns's own modules without a search, where their bytecode is what Python itself would load.

A command imports a hundred small modules of ours and a container as many before its first request. For each of them
Python asks every finder, lists folders and makes the names of files in several ways, which takes longer than to load
what is found. This finder knows the one place where a module of ours can be, reads its bytecode in one go and believes
it by the same marks (PEP 552): the magic number, and the time and size of the source, or that it says to be unchecked.
Whatever is otherwise it leaves to Python's own finders, so that it changes how long an import takes and nothing else
(docs/decisions/0042)."""

import marshal
import os
import sys
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, ModuleSpec, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType

_HEADER_BYTES = 16
_LARGEST = 1 << 16  # the largest of ours is half of that; what is larger, Python loads
_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_TIMED = MAGIC_NUMBER + bytes(4)
_UNCHECKED = MAGIC_NUMBER + bytes([1, 0, 0, 0])
_TAG = sys.implementation.cache_tag


def find_quickly(package: str) -> None:
    """Find the modules of a package quickly from now on, before Python's finders and after everybody else's.

    Not where bytecode lies elsewhere or is to be checked otherwise: `-O`, PYTHONPYCACHEPREFIX and the like."""
    if not _TAG or sys.flags.optimize or sys.pycache_prefix is not None or _checks_hashes():
        return
    finders = list(sys.meta_path)
    place = finders.index(BuiltinImporter) if BuiltinImporter in finders else 0
    sys.meta_path = [*finders[:place], _Finder(package), *finders[place:]]  # others may be going through the list


def _checks_hashes() -> bool:
    import _imp

    return _imp.check_hash_based_pycs != "default"


class _Finder:
    """The finder of one package's modules."""

    def __init__(self, package: str) -> None:
        self._start = f"{package}."

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Return where a module is, with its code; None for what Python's own finders should find."""
        if not name.startswith(self._start) or not name.islower() or path is None or len(path) != 1:
            return None
        last = name.rpartition(".")[2]
        found, inside = _look(path[0], last), None
        if found is None:
            inside = [f"{path[0]}{os.sep}{last}"]
            found = _look(inside[0], "__init__")
        if found is None:
            return None
        source, cached, code = found
        spec = ModuleSpec(name, _Loader(name, source, code), origin=source)
        spec.submodule_search_locations = inside
        spec.cached = cached
        spec.has_location = True
        return spec


class _Loader(SourceFileLoader):
    """Python's loader of sources, which has the code already the first time."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code: CodeType | None = code

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code."""
        code, self._code = self._code, None
        return super().get_code(fullname) if code is None else code


def _look(folder: str, stem: str) -> tuple[str, str, CodeType] | None:
    """Return a source in a folder, its bytecode, and the code in that; None where Python should look."""
    source, cached = f"{folder}{os.sep}{stem}.py", f"{folder}{os.sep}__pycache__{os.sep}{stem}.{_TAG}.pyc"
    code = _code_of(source, cached)
    return None if code is None else (source, cached, code)


def _code_of(source: str, cached: str) -> CodeType | None:
    """Return the code of a source by its bytecode, None where that is missing, stale, or of another place."""
    try:
        made = os.stat(source)
        descriptor = os.open(cached, _READING)
        try:
            data = os.read(descriptor, _LARGEST)
        finally:
            os.close(descriptor)
        if data[:8] == _TIMED:
            marks = int(made.st_mtime) & 0xFFFFFFFF, made.st_size & 0xFFFFFFFF
            if data[8:_HEADER_BYTES] != b"".join(mark.to_bytes(4, "little") for mark in marks):
                return None
        elif data[:8] != _UNCHECKED:
            return None
        if len(data) == _LARGEST:
            return None
        code = marshal.loads(memoryview(data)[_HEADER_BYTES:])
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return code if isinstance(code, CodeType) and code.co_filename == source else None
