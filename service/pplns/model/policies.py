"""How a step is retried and what a pipeline's container gets."""

from pplns.errors import DefinitionError
from pplns.model.durations import Duration, seconds_of
from pplns.model.frozen import Frozen

_WHOLE_CPUS = (1, 2, 4, 6, 8)


class Retry(Frozen):
    """How often a step is tried, and the wait between tries.

    `attempts` counts all tries, the first included. Try n+1 starts after `delay * factor ** (n - 1)`, at most
    `max_delay`; with `jitter` a random time up to that, so that many runs don't come back at once.
    `delay` and `max_delay` are durations: seconds, a timedelta, or text such as "30s"."""

    attempts: int = 3
    delay: Duration = 5
    factor: float = 2.0
    max_delay: Duration = 300
    jitter: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:
            raise DefinitionError(
                f"Retry(attempts={self.attempts!r}).",
                "The number of tries, the first included, is a whole number of at least 1.",
                "Write Retry(attempts=3) for two more tries after the first.",
            )
        if not is_number(self.factor) or not 1 <= self.factor < float("inf"):
            raise DefinitionError(
                f"Retry(factor={self.factor!r}).",
                "The factor between two waits is a number of at least 1.",
                "Write factor=1 for equal waits, 2 to double them.",
            )
        if not isinstance(self.jitter, bool):
            raise DefinitionError(
                f"Retry(jitter={self.jitter!r}).",
                "jitter is True or False.",
                "Write jitter=False for waits of exactly the delay, or leave it out.",
            )
        object.__setattr__(self, "delay", seconds_of(self.delay, what="Retry(delay)"))
        object.__setattr__(self, "max_delay", seconds_of(self.max_delay, what="Retry(max_delay)"))


class Resources(Frozen):
    """What the container of a pipeline gets on Cloud Run.

    `cpu_always` keeps the CPU between requests (`cpu_idle = false`), for steps longer than a request may last."""

    cpu: float = 1
    memory: str = "512Mi"
    cpu_always: bool = False

    def __post_init__(self) -> None:
        if not is_number(self.cpu) or not (0.08 <= self.cpu <= 1 or self.cpu in _WHOLE_CPUS):
            raise DefinitionError(
                f"Resources(cpu={self.cpu!r}).",
                "Cloud Run gives 0.08 to 1, 2, 4, 6 or 8 CPUs.",
                "Write Resources(cpu=2), for example.",
            )
        if not isinstance(self.memory, str) or not _is_memory(self.memory):
            raise DefinitionError(
                f"Resources(memory={self.memory!r}).",
                "Memory is text in mebi- or gibibytes, such as '512Mi' or '4Gi'.",
                'Write Resources(memory="4Gi"), for example.',
            )
        if not isinstance(self.cpu_always, bool):
            raise DefinitionError(
                f"Resources(cpu_always={self.cpu_always!r}).",
                "cpu_always is True or False.",
                "Write cpu_always=True to keep the CPU between requests, or leave it out.",
            )


def _is_memory(text: str) -> bool:
    number = text[:-2]
    return text.endswith(("Mi", "Gi")) and number.isascii() and number.isdecimal() and not number.startswith("0")


def is_number(value: object) -> bool:
    """Whether a value is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


NO_RETRY = Retry(attempts=1)
