"""Why an attempt ends: what failed, a stop that was asked for, a boundary it came to; and the outcome of it.

Used by the deciding thread alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from pplns.engine.work import Outcome
from pplns.model.artifact import Commit
from pplns.model.run import ErrorInfo, StepRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.engine.work import Boundary, Stop


class Ending:
    """What has come between an attempt and its last step so far. `error` is the run's, None while nothing failed."""

    def __init__(self) -> None:
        self.error: ErrorInfo | None = None
        self.boundary: Boundary | None = None
        self.is_abandoned = False
        self._final = False
        self._stopped: Stop | None = None
        self._failures: dict[str, tuple[ErrorInfo, float]] = {}

    @property
    def is_stopping(self) -> bool:
        """Whether the run failed or was stopped: no step is tried again."""
        return self.error is not None

    @property
    def is_closing(self) -> bool:
        """Whether no further step starts in this attempt."""
        return self.is_stopping or self.boundary is not None

    def fail(self, info: ErrorInfo, *, final: bool) -> None:
        """Note a failure of the run. The first is the run's; a final one outweighs one that a retry could help."""
        if self.error is None or (final and not self._final):
            self.error, self._final = info, final

    def fail_step(self, name: str, info: ErrorInfo, *, duration_s: float) -> None:
        """Note the failure of a step's last try, which took `duration_s` seconds."""
        self._failures[name] = (info, duration_s)

    def stop(self, reason: Stop) -> None:
        """Note that the end was asked for; a cancelled run isn't gone on with."""
        self._stopped = self._stopped or reason
        self.fail(stopped(reason), final=reason == "cancelled")

    def outcome(
        self, steps: tuple[StepRecord, ...], commits: Mapping[str, Commit], *, scope: Iterable[str], has_committed: bool
    ) -> Outcome:
        """Return how the attempt came out. `scope`: the steps it had to get done."""
        done = {one.step for one in steps if one.state == "succeeded"}
        is_partial = len(done) < len(steps)
        if done.issuperset(scope):
            return Outcome(succeeded=True, is_partial=is_partial, steps=steps, commits=commits)
        return Outcome(
            succeeded=False, is_partial=is_partial, steps=steps, commits=commits, error=self.error,
            final=self._final, stopped=self._stopped, boundary=None if self.error else self.boundary,
            has_committed=has_committed, is_abandoned=self.is_abandoned,
        )  # fmt: skip

    def record(self, name: str, *, tries: int, scope: Set[str]) -> StepRecord:
        """Return the record of a step that has no commit."""
        if name in self._failures:
            info, duration_s = self._failures[name]
            return StepRecord(step=name, state="failed", attempts=tries, duration_s=round(duration_s, 6), error=info)
        return StepRecord(step=name, state="waiting" if name in scope else "skipped", attempts=tries)


def stopped(reason: Stop) -> ErrorInfo:
    """Return the error of a run whose end was asked for."""
    return ErrorInfo(reason, f"The run was {reason}.", "Resume it: what is committed stays.")


def run_timed_out() -> ErrorInfo:
    """Return the error of a run that took longer than its pipeline's timeout."""
    return ErrorInfo(
        "run_timed_out", "The run took longer than the pipeline's timeout.", "Raise @pipeline(timeout=…), or split it."
    )
