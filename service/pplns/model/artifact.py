"""Commits and artifacts: what a step leaves behind when it has finished."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.model.frozen import Unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class StoredValue(Unchecked):
    """One value of a step as it is stored: inside the commit (`inline`) or in an artifact of its own (`artifact`).

    `codec` names how it is read back, `meta` is what that codec needs for it. `digest` is of the stored bytes,
    `size_bytes` their number. `rows` and `columns` (name → type, in order) are of tables."""

    codec: str
    digest: str
    size_bytes: int
    inline: Any = None
    artifact: str | None = None
    meta: Mapping[str, Any] | None = None
    rows: int | None = None
    columns: Mapping[str, str] | None = None


class Commit(Unchecked):
    """The commit of a step: created once, never changed, the only thing that readers believe.

    `values` holds one value, or several for a step with several outputs (`several`). Times are aware UTC.
    `base_version` is what the version would be if nothing had ever been redone, where that is another one."""

    step: str
    version: str
    values: tuple[StoredValue, ...]
    several: bool
    attempt: int
    tries: int
    started_at: str
    finished_at: str
    duration_s: float
    writer: str
    base_version: str | None = None

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of all values: equal digests mean that nothing after this step has to run again."""
        return tuple([value.digest for value in self.values])

    @property
    def rows(self) -> int | None:
        """The rows of all tables among the values, or None where there is none."""
        counts = [value.rows for value in self.values if value.rows is not None]
        return sum(counts) if counts else None

    @property
    def size_bytes(self) -> int:
        """The stored bytes of all values."""
        return sum([value.size_bytes for value in self.values])

    @property
    def artifact(self) -> str | None:
        """The name of the first artifact, or None where all values are inside the commit."""
        artifacts = [value.artifact for value in self.values if value.artifact]
        return artifacts[0] if artifacts else None
