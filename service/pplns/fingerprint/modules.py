"""One source file of a project: which of its statements bind or change each name, and where its functions stand.

Names count by the statements that make them, not by their values, which may be clocks, clients or sets."""

import ast
from types import CodeType

from pplns.fingerprint.scopes import Origin
from pplns.fingerprint.statements import Entry, flatten, names_called, names_changed, names_registered_with, names_set
from pplns.fingerprint.syntax import imports_of
from pplns.model.frozen import Frozen
from pplns.parsing import parse_source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Site(Frozen):
    """Where a function stands. It is `plain` at the top of its module, where its source says all about its defaults."""

    node: FunctionNode
    plain: bool


class Module:
    """What one file says about its names. An unreadable file has no names, and counts as its `broken` text."""

    def __init__(self, path: str, *, body: list[ast.stmt] | None = None, broken: str | None = None) -> None:
        self.path = path
        self.body = body or []
        self.broken = broken
        self.bindings: dict[str, list[Entry]] = {}
        self.stars: list[Origin] = []
        self.top_sites: dict[tuple[int, str], Site] = {}
        self._inner: dict[tuple[int, str], list[Site]] | None = None
        self._classes: dict[str, list[ast.ClassDef]] | None = None

    def sites_of(self, code: CodeType) -> list[Site]:
        """Return where the code of a function was written; several lambdas of one line only if nothing tells them."""
        key = (code.co_firstlineno, code.co_name)
        if key in self.top_sites:
            return [self.top_sites[key]]
        if self._inner is None:
            self._inner = _index_functions(self.body)
        return _closest(self._inner.get(key, []), code)

    def is_plain(self, code: CodeType) -> bool:
        """Tell whether a function's code stands at the top of the file."""
        site = self.top_sites.get((code.co_firstlineno, code.co_name))
        return site is not None and site.plain

    def classes_named(self, qualname: str) -> list[ast.ClassDef]:
        """Return the classes of a qualified name, those inside functions included."""
        if self._classes is None:
            self._classes = {}
            for statement in self.body:
                _index_classes(statement, "", self._classes)
        return self._classes.get(qualname, [])

    def bind(self, name: str, entry: Entry) -> None:
        """Note a statement that binds or changes a name."""
        entries = self.bindings.setdefault(name, [])
        if entry not in entries:
            entries.append(entry)


def read_module(path: str, source: bytes) -> Module:
    """Parse a source file."""
    try:
        tree = parse_source(source, path)
    except (SyntaxError, ValueError):  # not imported yet, or written for a newer Python
        return Module(path, broken=source.replace(b"\r\n", b"\n").decode("latin-1"))
    module = Module(path, body=tree.body)
    entries = list(flatten(tree.body))
    for entry in entries:
        _bind_entry(module, entry, has_walrus=b":=" in source)
    if b"global" in source:
        _bind_globals(module)
    _bind_registrations(module, entries)
    return module


def _bind_entry(module: Module, entry: Entry, *, has_walrus: bool) -> None:
    statement = entry.statement
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for name, origin in imports_of(statement):
            if name == "*":
                module.stars.append(Origin(origin.module, None, origin.level))
            else:
                module.bind(name, Entry(statement, entry.guards, origin))
        return
    for name in names_set(statement, has_walrus=has_walrus):
        module.bind(name, entry)
    for name in names_registered_with(statement):
        if not _is_module(module, name):
            module.bind(name, entry)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        plain = not any(isinstance(guard, ast.For | ast.While) for guard in entry.guards)
        module.top_sites[(_first_line(statement), statement.name)] = Site(statement, plain)


def _is_module(module: Module, name: str) -> bool:
    return any(entry.origin is not None and entry.origin.name is None for entry in module.bindings.get(name, []))


def _bind_globals(module: Module) -> None:
    """Let a function that declares `global X` count wherever X is used."""
    for statement in module.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Global):
                for name in node.names:
                    module.bind(name, Entry(statement))


def _bind_registrations(module: Module, entries: list[Entry]) -> None:
    """Let `@register` and `register(…)` count for the tables that `register`, of the same file, fills."""
    for entry in entries:
        for called in names_called(entry.statement):
            for made in module.bindings.get(called, []):
                if isinstance(made.statement, ast.FunctionDef) and made.statement is not entry.statement:
                    for name in names_changed(made.statement) & module.bindings.keys():
                        module.bind(name, entry)


def _first_line(node: FunctionNode) -> int:
    """Return the line that a code object calls its first: that of the first decorator."""
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return decorators[0].lineno if decorators else node.lineno


def _index_functions(body: list[ast.stmt]) -> dict[tuple[int, str], list[Site]]:
    found: dict[tuple[int, str], list[Site]] = {}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, FunctionNode):
                name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
                found.setdefault((_first_line(node), name), []).append(Site(node, plain=False))
    return found


def _index_classes(node: ast.AST, prefix: str, found: dict[str, list[ast.ClassDef]]) -> None:
    inner = prefix
    if isinstance(node, ast.ClassDef):
        found.setdefault(prefix + node.name, []).append(node)
        inner = f"{prefix}{node.name}."
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        inner = f"{prefix}{node.name}.<locals>."
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            _index_classes(child, inner, found)


def _closest(sites: list[Site], code: CodeType) -> list[Site]:
    """Return the smallest function that holds all positions of the code; all of them where Python kept no positions."""
    spans = [(line, column, end, end_column) for line, end, column, end_column in code.co_positions() if end_column]
    marks = [(line, column) for line, column, _, _ in spans if line is not None and column is not None]
    if len(sites) < 2 or not marks:
        return sites
    holding = [site for site in sites if _holds(site.node, min(marks), max(marks))]
    holding.sort(key=lambda site: (site.node.lineno, site.node.col_offset))
    return holding[-1:] or sites


def _holds(node: FunctionNode, first: tuple[int, int], last: tuple[int, int]) -> bool:
    body = node.body if isinstance(node, ast.Lambda) else node
    end = (body.end_lineno or body.lineno, body.end_col_offset or 0)
    return (body.lineno, body.col_offset) <= first and last <= end
