"""What the model remembers: the objects of a run in the store, and how far each process is.

Everything is an immutable tuple, so that equal states are one state. A value says where it came from: the first number
tells one try's value from another's, the rest are the values that the step consumed."""

from typing import Any, NamedTuple

Value = tuple[Any, ...]
CommitKey = tuple[int, int, int]  # step, version of the root's code, redo of the root that counts for this step

FINAL = frozenset({"succeeded", "failed", "cancelled"})
WAITING, RETURNED, DURABLE, ON_STORE = range(4)  # ON_STORE: durable, and read from the commit by who needs it
UNKNOWN = -1


class End(NamedTuple):
    """The end of an attempt; `result` holds the commits of the sinks that a success returned."""

    state: str
    result: tuple[tuple[CommitKey, Value], ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether only a person reopens the run."""
        return self.state in FINAL


class Left(NamedTuple):
    """How often each thing may still happen."""

    crashes: int = 0
    failures: int = 0
    cancels: int = 0
    reopens: int = 0
    damages: int = 0
    deploys: int = 0
    boundaries: int = 0
    handovers: int = 0
    waits: int = 0


class Store(NamedTuple):
    """The objects of one run: the lease (`generation`, `attempt`, `asked`), ends, commits, redos of the root, and the
    attempts that somebody asked to end (`cancels`); and, in the topic, the attempts whose continuation was published
    (`messages`: each may be delivered again and again).

    Not in any store, only for the invariants and the bounds: `reopened` (the attempts after whose final end a person
    resumed), `forks` (the attempts that were begun beside the chain: not by the continuation that the run waited for),
    `accepted` (those whose cancellation was promised; a person's resume is newer than any promise), `code`
    (what a new process starts with) and `left`."""

    generation: int = 0
    attempt: int = 0
    asked: bool = False
    ends: tuple[End | None, ...] = ()
    commits: frozenset[tuple[CommitKey, Value]] = frozenset()
    redos: int = 0
    cancels: frozenset[int] = frozenset()
    damaged: frozenset[CommitKey] = frozenset()
    messages: frozenset[int] = frozenset()
    reopened: frozenset[int] = frozenset()
    forks: frozenset[int] = frozenset()
    accepted: frozenset[int] = frozenset()
    code: int = 0
    left: Left = Left()

    def end_of(self, attempt: int) -> End | None:
        """Return the end of an attempt, or None while it has none."""
        return self.ends[attempt - 1] if attempt <= len(self.ends) else None

    def with_end(self, attempt: int, end: End) -> "Store":
        """Return the store with an end written."""
        ends = [*self.ends, *[None] * (attempt - len(self.ends))]
        ends[attempt - 1] = end
        return self._replace(ends=tuple(ends))

    def commit_of(self, key: CommitKey) -> Value | None:
        """Return the committed value of a step in a version, or None."""
        return dict(self.commits).get(key)

    def with_commit(self, key: CommitKey, value: Value) -> "Store":
        """Return the store with a commit written."""
        others = frozenset(item for item in self.commits if item[0] != key)
        return self._replace(commits=others | {(key, value)})

    def spend(self, what: str) -> "Store":
        """Return the store after something happened that may happen only so often."""
        return self._replace(left=self.left._replace(**{what: getattr(self.left, what) - 1}))


class Process(NamedTuple):
    """A process: who started it, what it does next (`at`), and what it remembers.

    `attempt` and `generation` are those of the lease it read or holds; `code`, `redo` and `counting` make up the
    versions of its steps (`counting` is the redo that counts for what depends on the root, see plan.py); `known` are
    the commits that it found when it planned; `outcome` is what it means to end its attempt with; `asked` says that an
    earlier attempt's cancellation came too late for that attempt; `continues` is the attempt whose continuation it is,
    `published` the one whose continuation it published; `waited` says that it waits for no continuation any more."""

    role: str = ""
    at: str = "idle"
    attempt: int = 0
    generation: int = 0
    code: int = 0
    redo: int = 0
    counting: int = UNKNOWN
    steps: tuple[tuple[int, Value], ...] = ()
    known: frozenset[CommitKey] = frozenset()
    outcome: str = ""
    asked: bool = False
    continues: int = UNKNOWN
    published: int = UNKNOWN
    waited: bool = False

    def key_of(self, step: int) -> CommitKey:
        """Return under which key this process commits a step."""
        return (step, self.code, self.redo if step == 0 else self.counting)

    def phase(self, step: int) -> int:
        """Return how far a step is."""
        return self.steps[step][0]

    def value(self, step: int) -> Value:
        """Return the value of a step that returned."""
        return self.steps[step][1]

    def with_step(self, step: int, phase: int, value: Value = ()) -> "Process":
        """Return the process with a step in another phase."""
        steps = list(self.steps)
        steps[step] = (phase, value)
        return self._replace(steps=tuple(steps))


IDLE = Process()
DONE = Process(at="done")
