"""The statements at the top of a module: which names each sets or changes.

Statements inside `if`, `try`, `with`, `for` and `while` are taken out one by one, each with the headers that guard
it, so that one branch of a long `try` doesn't stand for all of them."""

import ast
from collections.abc import Iterable, Iterator

from pplns.fingerprint.scopes import Origin
from pplns.model.frozen import Frozen

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CHANGING = (ast.Assign, ast.AugAssign, ast.Delete, ast.Expr)


class Entry(Frozen):
    """A statement that binds or changes a name; `origin` where it is an import. `guards` are the headers around it."""

    statement: ast.AST
    guards: tuple[ast.AST, ...] = ()
    origin: Origin | None = None


def flatten(body: Iterable[ast.stmt], guards: tuple[ast.AST, ...] = ()) -> Iterator[Entry]:
    """Yield the simple statements and the definitions of a module, and the headers of its loops and `with`.

    What stands under `if __name__ == "__main__"` doesn't run in a pipeline and is left out."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _flatten_if(statement, guards)
        elif isinstance(statement, ast.Try | ast.TryStar):
            yield from _flatten_try(statement, guards)
        elif isinstance(statement, ast.With | ast.For | ast.While):
            yield from _flatten_block(statement, guards)
        else:
            yield Entry(statement, guards)


def _flatten_if(statement: ast.If, guards: tuple[ast.AST, ...]) -> Iterator[Entry]:
    yield Entry(ast.Expr(statement.test), guards)
    if not _is_main_guard(statement.test):
        yield from flatten(statement.body, (*guards, statement.test))
    yield from flatten(statement.orelse, (*guards, ast.UnaryOp(ast.Not(), statement.test)))


def _is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _flatten_try(statement: ast.Try | ast.TryStar, guards: tuple[ast.AST, ...]) -> Iterator[Entry]:
    yield from flatten(statement.body, guards)
    for handler in statement.handlers:
        header = ast.ExceptHandler(type=handler.type, name=handler.name, body=[])
        yield from flatten(handler.body, (*guards, header))
    yield from flatten([*statement.orelse, *statement.finalbody], guards)


def _flatten_block(statement: ast.With | ast.For | ast.While, guards: tuple[ast.AST, ...]) -> Iterator[Entry]:
    header = _header_of(statement)
    inner = (*guards, header)
    yield Entry(header, guards)
    yield from flatten(statement.body, inner)
    if not isinstance(statement, ast.With):
        yield from flatten(statement.orelse, inner)


def _header_of(statement: ast.With | ast.For | ast.While) -> ast.stmt:
    if isinstance(statement, ast.With):
        return ast.With(items=statement.items, body=[])
    if isinstance(statement, ast.For):
        return ast.For(target=statement.target, iter=statement.iter, body=[], orelse=[])
    return ast.While(test=statement.test, body=[], orelse=[])


def names_set(statement: ast.AST, *, has_walrus: bool) -> set[str]:
    """Return the names of its module that a statement binds or changes: `X = …`, `X[…] = …`, `X.update(…)`, `f(X)`."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    names = {name for target in _targets_of(statement) for name in _stored(target)}
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        names |= _called_upon(statement.value)
    if has_walrus:
        names |= {node.target.id for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)}
    return names - {""}


def names_registered_with(statement: ast.AST) -> set[str]:
    """Return X of a definition decorated with `@X.register`, which changes X unless it is a module."""
    decorators = statement.decorator_list if isinstance(statement, _DEFINITIONS) else []
    return {_base(one) for one in decorators if _is_method(one)} - {""}


def names_called(statement: ast.AST) -> set[str]:
    """Return the plain names that a statement calls for their effect: `@register`, `@register("x")`, `register(f)`."""
    if isinstance(statement, _DEFINITIONS):
        made = [one.func if isinstance(one, ast.Call) else one for one in statement.decorator_list]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        made = [statement.value.func]
    else:
        return set()
    return {one.id for one in made if isinstance(one, ast.Name)}


def names_changed(function: ast.FunctionDef) -> set[str]:
    """Return the names from outside that calling a function changes, by what its source shows."""
    given = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    changed: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, _CHANGING):
            changed |= names_set(node, has_walrus=False)
        elif isinstance(node, ast.Global):
            changed |= set(node.names)
    return changed - given


def _targets_of(statement: ast.AST) -> list[ast.AST]:
    if isinstance(statement, ast.Assign | ast.Delete):
        return [*statement.targets]
    if isinstance(statement, ast.AugAssign | ast.AnnAssign | ast.For):
        return [statement.target]
    if isinstance(statement, ast.With):
        return [item.optional_vars for item in statement.items if item.optional_vars is not None]
    if isinstance(statement, ast.Match):
        return [statement]
    alias = getattr(statement, "name", None)  # `type X = …` of Python 3.12
    return [alias] if isinstance(alias, ast.AST) else []


def _stored(target: ast.AST) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield _base(node)
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def _called_upon(call: ast.Call) -> set[str]:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    upon = [call.func] if _is_method(call) else []
    return {_base(one) for one in [*given, *upon] if isinstance(one, ast.Name | ast.Attribute | ast.Starred)}


def _is_method(node: ast.expr) -> bool:
    return isinstance(node.func if isinstance(node, ast.Call) else node, ast.Attribute)


def _base(node: ast.AST) -> str:
    """Return X of `X.a[0].b()`, or nothing."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
