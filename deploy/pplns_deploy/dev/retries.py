"""How long is waited before something is sent again, by the rules of Pub/Sub and of Cloud Scheduler."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PushRetries:
    """The retry policy of a push subscription: from `shortest_s` on, doubled each time up to `longest_s`.

    After `most_attempts` a message goes to the dead-letter topic."""

    shortest_s: float = 10
    longest_s: float = 600
    most_attempts: int = 100

    def delay_s(self, attempt: int) -> float:
        """Return how long is waited after an attempt; the first is 1."""
        return min(self.shortest_s * 2.0 ** min(attempt - 1, 30), self.longest_s)


@dataclass(frozen=True, slots=True)
class ScheduleRetries:
    """The retry configuration of a Scheduler job.

    The wait is doubled `doublings` times, then grows by the same amount each time, up to `longest_s`."""

    count: int = 5
    shortest_s: float = 30
    longest_s: float = 3600
    doublings: int = 5

    def delay_s(self, attempt: int) -> float | None:
        """Return how long is waited after an attempt, or None where no other one follows."""
        if attempt > self.count:
            return None
        doubled = min(attempt - 1, self.doublings)
        steps = 1 + max(0, attempt - 1 - self.doublings)
        return min(self.shortest_s * 2.0**doubled * steps, self.longest_s)
