"""What a pipeline returned, as its record shows it."""

from __future__ import annotations

from collections.abc import Mapping

from pplns import codecs
from pplns.graph import Graph, Reference, fill
from pplns.json_text import write_ascii
from pplns.model.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.model.artifact import Commit, StoredValue

MAX_RESULT_BYTES = 1_000_000


def result_of(graph: Graph, commits: Mapping[str, Commit]) -> Any:
    """Return what the pipeline returned, as JSON for its record: small values as they are, others as their artifact.

    A result of more than 1 MB is replaced by its size."""
    result = fill(graph.result, lambda reference: _Shown(_shown(commits[reference.step], reference)))
    plain = _unwrap(result)
    size = len(write_ascii(plain))
    return plain if size <= MAX_RESULT_BYTES else {"too_large_bytes": size}


class _Shown(Frozen):
    """A value in its shown form already, so that it isn't converted a second time."""

    value: Any


def _shown(commit: Commit, reference: Reference) -> Any:
    if reference.output is not None:
        return _shown_value(commit.values[reference.output])
    return [_shown_value(value) for value in commit.values] if commit.several else _shown_value(commit.values[0])


def _shown_value(value: StoredValue) -> Any:
    if value.artifact is None:
        return codecs.plain(codecs.restore(value, None).handout())
    return {"artifact": value.artifact, "format": value.codec, "rows": value.rows, "bytes": value.size_bytes}


def _unwrap(value: Any) -> Any:
    if isinstance(value, _Shown):
        return value.value
    if isinstance(value, list | tuple):
        return [_unwrap(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {str(key): _unwrap(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return codecs.plain(value)
