"""The small parts of source: chains of names, what imports bind, fields of nodes."""

import ast
from collections.abc import Iterator

from pplns.built_in import sha256
from pplns.fingerprint.scopes import Chain, Origin

_LAYOUT_FIELDS = {"ctx", "kind", "type_comment", "type_ignores"}
_FIELDS: dict[str, tuple[tuple[str, str], ...]] = {}


def chain_of(node: ast.AST) -> Chain | None:
    """Return `a.b.c` as a chain of names, or None for any other expression."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else None


def imports_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Origin]]:
    """Yield the names that an import statement binds, each with where it comes from; `*` stays a name."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, Origin(node.module or "", alias.name, node.level)
        elif alias.asname:
            yield alias.asname, Origin(alias.name)
        else:  # `import a.b` binds a
            top = alias.name.partition(".")[0]
            yield top, Origin(top)


def digest_text(*parts: str) -> str:
    """Return the SHA-256, in hex, of parts that are told apart by their lengths."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def flat_parts(node: ast.JoinedStr) -> Iterator[ast.expr]:
    """Yield the parts of an f-string that hold something, those of an f-string inside it included."""
    for part in node.values:
        if isinstance(part, ast.JoinedStr):
            yield from flat_parts(part)
        elif not isinstance(part, ast.Constant) or part.value != "":
            yield part


def fields_of(kind: type[ast.AST]) -> tuple[tuple[str, str], ...]:
    """Return the fields of a kind of node that matter, each with its mark in the canonical text."""
    known = _FIELDS.get(kind.__name__)
    if known is None:
        known = tuple((name, f".{name}") for name in sorted(kind._fields, key=_order) if name not in _LAYOUT_FIELDS)
        _FIELDS[kind.__name__] = known
    return known


def _order(field: str) -> tuple[bool, str]:
    return field != "value", field  # `x = x + 1` in a class body reads x before it sets it
