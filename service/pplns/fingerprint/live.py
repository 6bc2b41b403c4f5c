"""Units that only the objects in memory tell: functions with their closures and defaults, classes, wrapped callables.

A function's text is its source; its closure cells say what the names of an enclosing function stand for, and those
count by value where they have one that lasts, else by their type."""

import ast
import functools
import os
import sys
import types
from typing import Any

from pplns.fingerprint.bytecode import encode_bytecode
from pplns.fingerprint.modules import Module
from pplns.fingerprint.names import Binding, Named, Unbound
from pplns.fingerprint.scopes import Chain
from pplns.fingerprint.sources import Sources, unit_of_named
from pplns.fingerprint.units import Live, Unit
from pplns.fingerprint.values import encode_value, name_of_code
from pplns.steps import Pipeline, Step

_Cells = dict[str, types.CellType]
_WRAPPED_METHODS: tuple[type[Any], ...] = (staticmethod, classmethod)


class LiveUnits:
    """Tells what objects in memory are made of."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._project = sources.project

    def unit(self, thing: Any) -> Unit:
        """Return what an object is made of: code by source, values by value, the rest by type."""
        if isinstance(thing, Step | Pipeline):
            return self.unit(thing.function)
        if isinstance(thing, types.FunctionType):
            return self._function(thing)
        if isinstance(thing, type):
            return self._class(thing)
        if isinstance(thing, types.ModuleType):
            return self._module(thing, ())
        inner = _inside(thing)
        return self._around(type(thing).__name__, inner) if inner else encode_value(thing, "")

    def unbound(self, name: Unbound) -> Unit:
        """Return what a name is that no statement binds: one that `globals()` or another module has set."""
        module = self._project.loaded(name.path)
        known = vars(module) if module is not None else {}
        return self._value(known[name.chain[0]], name.chain[1:]) if name.chain[0] in known else Unit("unbound")

    def own_source(self, thing: Any) -> str:
        """Return the source of a step that lies in a library, whose names aren't followed; else nothing."""
        function = thing.function if isinstance(thing, Step | Pipeline) else thing
        code = getattr(function, "__code__", None)
        if not isinstance(code, types.CodeType) or self._project.file(code.co_filename) is not None:
            return ""
        path = code.co_filename
        module = self._project.module(path) if os.path.isfile(path) else None
        sites = module.sites_of(code) if module is not None else []
        return "".join(self._sources.piece(module, site.node).digest for site in sites if module is not None)

    def is_as_written(self, function: object) -> bool:
        """Tell whether a function stands at the top of a file of the project, so that its source says all about it."""
        if not isinstance(function, types.FunctionType) or function.__closure__ is not None:
            return False
        code = function.__code__
        path = self._project.file(code.co_filename)
        return path is not None and self._project.module(path).is_plain(code)

    def _around(self, label: str, inner: list[object]) -> Unit:
        return Unit(label, tuple(Live(one) for one in inner if one is not None))

    def _function(self, function: types.FunctionType) -> Unit:
        code = function.__code__
        path = self._project.file(code.co_filename)
        if path is None and _is_of_library(code):
            inner = getattr(function, "__wrapped__", None)  # a decorator of a library
            return self._around(f"<{name_of_code(function)}>", [inner])
        module = self._project.module(path) if path is not None else None
        sites = module.sites_of(code) if module is not None else []
        if module is None or not sites:
            return Unit.joined("function", [encode_bytecode(function), *self._closure(function)])
        parts = [self._at_node(module, site.node, _cells_of(function)) for site in sites]
        if not all(site.plain for site in sites):
            parts.append(encode_value([function.__defaults__, function.__kwdefaults__], "a default"))
        return Unit.joined("function", parts)

    def _closure(self, function: types.FunctionType) -> list[Unit]:
        return [self._cell(cell, ()) for cell in _cells_of(function).values()]

    def _at_node(self, module: Module, node: ast.AST, cells: _Cells) -> Unit:
        """Return a function or class with what its names stand for: in its closure first, then in its module."""
        piece = self._sources.piece(module, node)
        named: list[Named] = []
        closed = {"__class__": self._cell(cells["__class__"], ())} if "__class__" in cells else {}
        for reference in piece.references:
            if reference.origin is None and reference.chain[0] in cells:
                closed[".".join(reference.chain)] = self._cell(cells[reference.chain[0]], reference.chain[1:])
            else:
                named += self._sources.names.follow(module, reference)
        return Unit.joined(" ".join(closed), [unit_of_named(piece.digest, named), *closed.values()])

    def _cell(self, cell: types.CellType, chain: Chain) -> Unit:
        try:
            value = cell.cell_contents
        except ValueError:  # not set yet
            return Unit("empty")
        return self._value(value, chain)

    def _value(self, value: object, chain: Chain) -> Unit:
        if isinstance(value, types.ModuleType):
            return self._module(value, chain)
        return encode_value(value, "")

    def _module(self, module: types.ModuleType, chain: Chain) -> Unit:
        place = self._project.file_of(module)
        if place is None:
            return Unit(f"<{'.'.join((name_of_code(module), *chain))}>")
        return unit_of_named("module", self._sources.names.within(place, chain))

    def _class(self, cls: type) -> Unit:
        loaded = sys.modules.get(cls.__module__)
        place = self._project.file_of(loaded) if loaded is not None else None
        if place is None:
            return self._class_without_file(cls)
        module = self._project.module(place)
        if cls.__qualname__ in module.bindings:
            return Unit("class", (Binding(place, cls.__qualname__),))
        cells = functools.reduce(lambda known, one: known | _cells_of(one), _methods_of(cls), _Cells())
        found = [self._at_node(module, node, cells) for node in module.classes_named(cls.__qualname__)]
        bases = self._around("bases", [base for base in cls.__bases__ if base is not object])
        return Unit.joined(f"class {cls.__qualname__}", [*found, bases])

    def _class_without_file(self, cls: type) -> Unit:
        """Return a class of a library by its name; one typed at a prompt by its methods as well."""
        typed = cls.__module__ == "__main__"
        return self._around(f"<{name_of_code(cls)}>", [*_methods_of(cls)] if typed else [])


def _inside(thing: Any) -> list[object]:
    """Return the functions that a method or property is a wrapping of."""
    if isinstance(thing, _WRAPPED_METHODS):
        return [thing.__func__]
    return [thing.fget, thing.fset, thing.fdel] if isinstance(thing, property) else []


def _is_of_library(code: types.CodeType) -> bool:
    return code.co_filename.startswith("<frozen ") or os.path.isfile(code.co_filename)


def _cells_of(function: types.FunctionType) -> _Cells:
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def _methods_of(cls: type) -> list[types.FunctionType]:
    members: list[Any] = [member for _, member in sorted(vars(cls).items())]
    functions = [getattr(member, "__func__", member) for member in members]
    return [function for function in functions if isinstance(function, types.FunctionType)]
