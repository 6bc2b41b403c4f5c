"""A step between its return and its commit.

Used by the deciding thread alone."""

from pplns.engine.tries import Returned, Try
from pplns.model.artifact import Commit, StoredValue
from pplns.model.run import iso


class Finished:
    """A returned step on its way to a commit. `values` is None while artifacts are being written."""

    def __init__(self, one: Try, returned: Returned) -> None:
        self.one = one
        self.returned = returned
        self.values: tuple[StoredValue, ...] | None = returned.stored
        self.committing = False

    @property
    def size_bytes(self) -> int | None:
        """How many bytes are stored, or None while that isn't known."""
        return None if self.values is None else sum(value.size_bytes for value in self.values)

    def commit(self, *, base: str, attempt: int, holder: str) -> Commit:
        """Return the commit to write, once the values are stored; `base` is the step's base version."""
        one, returned = self.one, self.returned
        return Commit(
            step=one.step, version=one.version, values=self.values or (), several=returned.several, attempt=attempt,
            tries=one.number, started_at=str(iso(one.started_at)), finished_at=str(iso(returned.finished_at)),
            duration_s=round(returned.duration_s, 6), writer=f"{holder}.{one.token}",
            base_version=None if base == one.version else base,
        )  # fmt: skip
