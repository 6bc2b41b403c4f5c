"""The steps that wait before their next try.

Used by the deciding thread alone."""

from pplns.built_in import heappop, heappush


class Retries:
    """Steps by when they are due, on the clock's monotonic seconds."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, str]] = []
        self._steps: set[str] = set()

    def __contains__(self, step: str) -> bool:
        return step in self._steps

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, step: str, *, at: float) -> None:
        """Let a step wait until a time."""
        heappush(self._waiting, (at, step))
        self._steps.add(step)

    def first(self) -> tuple[float, str] | None:
        """Return the step that is due first, and when."""
        return self._waiting[0] if self._waiting else None

    def take_due(self, now: float) -> list[str]:
        """Return the steps that wait no more."""
        due: list[str] = []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(heappop(self._waiting)[1])
        self._steps.difference_update(due)
        return due
