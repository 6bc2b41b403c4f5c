"""One piece of source as bytes that layout, comments, docstrings and the version of Python don't change.

`ast.dump` and bytecode differ between versions of Python, and `repr` of text follows its Unicode tables. So this walks
the tree itself: node names, the fields that hold something in alphabetical order, constants by type and exact value.
A field that a newer Python adds is empty for older source, and empty fields are left out."""

import ast
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

from pplns.fingerprint.scalars import encode_scalar
from pplns.fingerprint.scopes import Reference, Scope
from pplns.fingerprint.syntax import chain_of, digest_text, fields_of, flat_parts, imports_of
from pplns.model.frozen import Frozen

_DEEP_RECURSION = 100_000  # Python calls take no C stack since 3.11

IsDropped = Callable[[ast.expr], bool]


class Piece(Frozen):
    """The digest of one piece of source, and what it reaches outside of itself."""

    digest: str
    references: tuple[Reference, ...]


def read_piece(nodes: Iterable[ast.AST], *, is_dropped: IsDropped) -> Piece:
    """Return the piece that some nodes make up; decorators that `is_dropped` are left out."""
    nodes = tuple(nodes)
    try:
        return _Walk(is_dropped).read(nodes)
    except RecursionError:  # a sum of a thousand terms, or as many `elif`
        with _deep_recursion():
            return _Walk(is_dropped).read(nodes)


@contextmanager
def _deep_recursion() -> Generator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEP_RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


class _Walk:
    """One walk over a piece: writes its canonical text and collects its names."""

    def __init__(self, is_dropped: IsDropped) -> None:
        self._is_dropped = is_dropped
        self._out: list[str] = []
        self._scope = Scope("outside")

    def read(self, nodes: tuple[ast.AST, ...]) -> Piece:
        for node in nodes:
            self._node(node)
        return Piece(digest_text("".join(self._out)), self._scope.references())

    def _node(self, node: ast.AST) -> None:
        special = _SPECIAL.get(type(node).__name__)
        if special is not None:
            special(self, node)
        else:
            self._whole(node)

    def _whole(self, node: ast.AST) -> None:
        self._open(node)
        self._fields(node)
        self._out.append(")")

    def _open(self, node: ast.AST) -> None:
        self._out.append(f"({type(node).__name__}")

    def _fields(self, node: ast.AST) -> None:
        for name, mark in fields_of(type(node)):
            value = getattr(node, name, None)
            if value:  # not None, [], 0 or ""
                self._out.append(mark)
                self._value(value)

    def _value(self, value: Any) -> None:
        if isinstance(value, ast.AST):
            self._node(value)
        elif isinstance(value, list):
            self._list(value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            self._out.append(encode_scalar(value) or "")

    def _list(self, values: Iterable[Any]) -> None:
        self._out.append("[")
        for value in values:
            if value is None:  # the key of `**` in a dict
                self._out.append("-")
            else:
                self._value(value)
        self._out.append("]")

    def _enter(self, kind: Any) -> None:
        self._scope = Scope(kind, self._scope)

    def _leave_to(self, outer: Scope) -> None:
        while self._scope is not outer and self._scope.parent is not None:
            self._scope.end()
            self._scope = self._scope.parent

    def name(self, node: ast.Name) -> None:
        self._out.append(f"(Name{len(node.id)}:{node.id})")
        if isinstance(node.ctx, ast.Load):
            self._scope.load((node.id,))
        else:
            self._scope.bind(node.id)

    def attribute(self, node: ast.Attribute) -> None:
        chain = chain_of(node)
        self._out.append(f"(Attribute{len(node.attr)}:{node.attr}")
        if chain is None:
            self._node(node.value)
        else:
            self._out.extend(f"{len(name)}:{name}" for name in chain[:-1])
            self._scope.load(chain)
        self._out.append(")")

    def constant(self, node: ast.Constant) -> None:
        self._out.append(encode_scalar(node.value) or "")

    def statement(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return  # a docstring, or text that stands for a comment
        self._out.append("(Expr")
        self._node(node.value)
        self._out.append(")")

    def joined(self, node: ast.JoinedStr) -> None:
        self._open(node)
        text = ""
        for part in flat_parts(node):
            if isinstance(part, ast.Constant):
                text += str(part.value)
                continue
            self._text(text)
            text = ""
            self._node(part)
        self._text(text)
        self._out.append(")")

    def _text(self, text: str) -> None:
        if text:  # versions differ in which empty parts they keep and which neighbours they merge
            self._out.append(encode_scalar(text) or "")

    def formatted(self, node: ast.FormattedValue) -> None:
        self._out.append(f"(FormattedValue{node.conversion}")
        self._node(node.value)
        if isinstance(node.format_spec, ast.JoinedStr) and any(flat_parts(node.format_spec)):
            self._node(node.format_spec)
        self._out.append(")")

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer = self._scope
        self._heading(node)
        self._defaults(node.args)
        self._type_params(node)
        self._signature(node.args, node.returns)
        self._list(node.body)
        self._leave_to(outer)
        self._out.append(")")

    def _heading(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._open(node)
        self._out.append(encode_scalar(node.name) or "")
        self._scope.bind(node.name)
        self._list(one for one in node.decorator_list if not self._is_dropped(one))

    def lambda_(self, node: ast.Lambda) -> None:
        outer = self._scope
        self._open(node)
        self._defaults(node.args)
        self._signature(node.args, None)
        self._node(node.body)
        self._leave_to(outer)
        self._out.append(")")

    def _defaults(self, arguments: ast.arguments) -> None:
        self._list(arguments.defaults)
        self._list(arguments.kw_defaults)

    def _signature(self, arguments: ast.arguments, returns: ast.expr | None) -> None:
        """Write the parameters; annotations belong outside of the function's scope, which stays entered."""
        groups = (arguments.posonlyargs, arguments.args, [arguments.vararg], arguments.kwonlyargs, [arguments.kwarg])
        parameters = [[one for one in group if one is not None] for group in groups]
        for group in parameters:
            self._list(group)
        if returns is not None:
            self._node(returns)
        self._enter("function")
        for group in parameters:
            for parameter in group:
                self._scope.bind(parameter.arg)

    def _type_params(self, node: ast.AST) -> None:
        """Enter the scope that holds the type parameters of Python 3.12, where there are any."""
        parameters = getattr(node, "type_params", [])
        if parameters:
            self._enter("function")
            self._list(parameters)

    def type_param(self, node: Any) -> None:
        self._scope.bind(node.name)
        self._whole(node)

    def class_(self, node: ast.ClassDef) -> None:
        outer = self._scope
        self._heading(node)
        self._type_params(node)
        self._list(node.bases)
        self._list(node.keywords)
        self._enter("class")
        self._list(node.body)
        self._leave_to(outer)
        self._out.append(")")

    def type_alias(self, node: Any) -> None:
        outer = self._scope
        self._open(node)
        self._node(node.name)
        self._type_params(node)
        self._node(node.value)
        self._leave_to(outer)
        self._out.append(")")

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        outer = self._scope
        self._open(node)
        self._node(node.generators[0].iter)  # the first is computed outside
        self._enter("comprehension")
        for place, part in enumerate(node.generators):
            self._out.append("async" if part.is_async else "for")
            if place:
                self._node(part.iter)
            self._node(part.target)
            self._list(part.ifs)
        results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        self._list(results)
        self._leave_to(outer)
        self._out.append(")")

    def walrus(self, node: ast.NamedExpr) -> None:
        self._out.append(f"(NamedExpr{len(node.target.id)}:{node.target.id}")
        self._scope.bind_walrus(node.target.id)
        self._node(node.value)
        self._out.append(")")

    def augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._scope.load((node.target.id,))
        self._whole(node)

    def import_(self, node: ast.Import | ast.ImportFrom) -> None:
        self._whole(node)
        for name, origin in imports_of(node):
            self._scope.bind_import(name, origin)

    def declaration(self, node: ast.Global | ast.Nonlocal) -> None:
        self._open(node)
        self._list(node.names)
        self._out.append(")")
        self._scope.declare(node.names)

    def binding(self, node: Any) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._scope.bind(name)
        self._whole(node)

    def singleton(self, node: ast.MatchSingleton) -> None:
        self._out.append(f"(MatchSingleton{encode_scalar(node.value)})")


# By name, as some are of newer Pythons only.
_SPECIAL: dict[str, Callable[[_Walk, Any], None]] = {
    "Name": _Walk.name, "Attribute": _Walk.attribute, "Constant": _Walk.constant, "Expr": _Walk.statement,
    "JoinedStr": _Walk.joined, "FormattedValue": _Walk.formatted, "FunctionDef": _Walk.function,
    "AsyncFunctionDef": _Walk.function, "Lambda": _Walk.lambda_, "ClassDef": _Walk.class_,
    "TypeAlias": _Walk.type_alias, "TypeVar": _Walk.type_param, "ParamSpec": _Walk.type_param,
    "TypeVarTuple": _Walk.type_param, "ListComp": _Walk.comprehension, "SetComp": _Walk.comprehension,
    "GeneratorExp": _Walk.comprehension, "DictComp": _Walk.comprehension, "NamedExpr": _Walk.walrus,
    "AugAssign": _Walk.augmented, "Import": _Walk.import_, "ImportFrom": _Walk.import_, "Global": _Walk.declaration,
    "Nonlocal": _Walk.declaration, "ExceptHandler": _Walk.binding, "MatchAs": _Walk.binding,
    "MatchStar": _Walk.binding, "MatchMapping": _Walk.binding, "MatchSingleton": _Walk.singleton,
}  # fmt: skip
