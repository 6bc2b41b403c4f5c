"""What is to be done once a module has been imported: at once where it has been, else with its import.

A run of which nothing logs doesn't import `logging`. Who hears records, or shows them, waits here until something does:
a step, or a library that a step imports.

A finder stands before the others and answers for that one name. It lets those behind it find the module, which notices
nothing, and does the thing after the module's code has run, before anybody can log. Another thread may be going through
`sys.meta_path` at any time and would miss a finder there, so the list is never changed: another one takes its place."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType

from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from typing import Any


def once_imported(name: str, act: Callable[[], None]) -> Callable[[], None]:
    """Do something once a module has been imported, and return what calls that off.

    `act` is called one time, in the thread whose import it is. What it raises is printed as what ends a program is, and
    ends nothing: a step that imports a module of Python's has done nothing wrong. An interruption ends the import, and
    the next one makes up for it. Calling it off waits for an `act` that has begun."""
    awaited = _Awaited(name, act)
    if sys.modules.get(name) is None:
        sys.meta_path = [awaited, *sys.meta_path]
    if sys.modules.get(name) is not None:  # maybe since a moment ago, and its code is still running in another thread
        awaited.notice(import_module(name))
    return awaited.call_off


class _Awaited:
    """The finder of one module."""

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self._name = name
        self._act = act
        self._guard = threading.Lock()
        self._is_over = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Find the module by the finders behind this one, and see to it that its arrival is noticed."""
        if name != self._name or self._is_over:
            return None
        spec = self._found_behind(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = cast("Loader", _NoticingLoader(spec.loader, self.notice))
        return spec

    def notice(self, module: ModuleType) -> None:
        """Do the thing, unless it is done; a copy of the module that nobody can import doesn't count."""
        with self._guard:
            if self._is_over or sys.modules.get(self._name) is not module:
                return
            try:
                self._act()
            except Exception as error:
                sys.excepthook(type(error), error, error.__traceback__)
            self._is_over = True

    def call_off(self) -> None:
        """Do nothing any more, and leave the finders."""
        with self._guard:
            self._is_over = True
        if sys.meta_path and self in sys.meta_path:  # None once the interpreter ends
            sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def _found_behind(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        finders = iter(sys.meta_path)
        if self not in finders:  # which goes on until it has passed this one
            return None
        found = (finder.find_spec(name, path, target) for finder in finders if hasattr(finder, "find_spec"))
        return next((spec for spec in found if spec is not None), None)


class _NoticingLoader:
    """The loader of the module while it is being found. The module's code meets the one that it stands for."""

    def __init__(self, loader: Any, notice: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._notice = notice

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._notice(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
