"""A model of slots: one slot, several runs, processes that work on them, leases that run out under their holders.

Time is in it as what it can do: whoever hasn't had an acknowledgement for the length of a lease knows it (`is_fresh`
is over), and only then may others find its lease run out, or the slot old that it has just written. An acknowledgement
counts from before its request. So no clock is compared, as in the code: state/slots.py and state/lease.py."""

from collections.abc import Iterator
from typing import NamedTuple

FREE = -1
HOLDING = ("work", "keep slot", "write kept", "renew", "keep moved", "write moved", "move")
RENEWING = ("renew", "keep moved", "write moved", "move")


class Rules(NamedTuple):
    """The rules of slots; a False leaves one out."""

    young_is_held: bool = True  # a slot that was just written is held although its run has no live lease yet
    late_keeps: bool = True  # a holder whose lease ran out takes its slot again before it goes on
    moving_keeps: bool = True  # and again for the attempt that it moves to, where its own was sealed
    never_lowers: bool = True  # a slot that names a later attempt of the same run goes on naming that
    counts_from_slot: bool = True  # the first acknowledgement counts from before the slot was written
    compares: bool = True  # the slot is swapped against the generation that was read
    continuation_writes: bool = True  # a continuation writes the slot that its run has kept, as any attempt does


ALL_RULES = Rules()


class Run(NamedTuple):
    """A run: its attempt, whether the lease can be found run out (`is_late`), and the attempt's end, "" while it has
    none. `open`: lost, or failed so that a later attempt may help; `forgotten`: `continuing` for half an hour."""

    attempt: int = 0
    is_late: bool = False
    end: str = ""


class Slot(NamedTuple):
    """The slot: its generation, the run and attempt it names, and whether it can be found old."""

    generation: int = 0
    run: int = FREE
    attempt: int = 0
    is_old: bool = True


class Process(NamedTuple):
    """A process: the run it is for, what it does next, and what it has read."""

    run: int
    at: str = "read run"
    is_fresh: bool = True
    attempt: int = 0
    is_kept: bool = False
    seen: Slot = Slot()


class State(NamedTuple):
    """The slot, the runs, the processes, and how often a run may still stop to be continued."""

    slot: Slot
    runs: tuple[Run, ...]
    processes: tuple[Process, ...]
    boundaries: int = 0

    def with_process(self, place: int, process: Process) -> "State":
        """Return the state with a process gone on."""
        return self._replace(processes=(*self.processes[:place], process, *self.processes[place + 1 :]))

    def with_run(self, number: int, run: Run) -> "State":
        """Return the state with a run changed."""
        return self._replace(runs=(*self.runs[:number], run, *self.runs[number + 1 :]))


Step = tuple[str, State]


def steps_of(state: State, rules: Rules) -> Iterator[Step]:
    """Yield what may happen next."""
    for place, process in enumerate(state.processes):
        run = state.runs[process.run]
        for label, after in OPERATIONS[process.at](state, place, process, run, rules):
            yield f"{place}: {label}", after
        if process.is_fresh and process.at not in ("done", "read run"):
            yield f"{place}: its time runs out", state.with_process(place, process._replace(is_fresh=False))
        if _holds(process, run) and not process.is_fresh and not run.is_late and not run.end:
            yield f"the lease of run {process.run} is late", state.with_run(process.run, run._replace(is_late=True))
    for number, run in enumerate(state.runs):
        if run.end == "continuing":
            yield f"run {number} is forgotten", state.with_run(number, run._replace(end="forgotten"))
    if not state.slot.is_old and _may_be_old(state):
        yield "the slot is old", state._replace(slot=state.slot._replace(is_old=True))


def too_many(state: State) -> str | None:
    """Return which processes work side by side although there is one slot."""
    working = [
        one.run for one in state.processes
        if one.at == "work" and one.is_fresh and _holds(one, state.runs[one.run]) and not state.runs[one.run].end
    ]  # fmt: skip
    return f"runs {working} are under way with one slot" if len(set(working)) > 1 else None


def _holds(process: Process, run: Run) -> bool:
    return process.attempt == run.attempt > 0 and process.at in HOLDING


def _may_be_old(state: State) -> bool:
    """Tell whether the slot can be found old: never before its writer's time has run out since it was written."""
    return all(
        not one.is_fresh or one.run != state.slot.run or one.at not in ("take lease", *RENEWING)
        for one in state.processes
    )


def _read_run(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    if run.attempt and not run.end and not run.is_late:
        return  # another process has the lease
    if run.end == "final":
        yield "finds its run ended", state.with_process(place, process._replace(at="done"))
        return
    sealed = state.with_run(process.run, run._replace(end=run.end or ("open" if run.attempt else "")))
    is_kept = run.end == "continuing" and not rules.continuation_writes
    ready = Process(process.run, "read slot", attempt=run.attempt + 1, is_kept=is_kept)
    yield "reads its run, and seals it if it is lost", sealed.with_process(place, ready)


def _read_slot(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    slot = state.slot
    if slot.run == process.run and process.is_kept:
        yield "has kept its slot", state.with_process(place, process._replace(at="take lease"))
    elif slot.run in (process.run, FREE):
        yield "reads the slot", state.with_process(place, process._replace(at="write slot", seen=slot))
    else:
        yield "reads the slot", state.with_process(place, process._replace(at="read other", seen=slot))


def _read_other(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    """Read the lease and the end of the run that the slot names; a slot that was young when it was read stays so."""
    other, seen = state.runs[process.seen.run], process.seen
    is_under_way = other.attempt > 0 and (other.end == "continuing" if other.end else not other.is_late)
    has_ended = bool(other.end) and other.attempt >= seen.attempt
    is_young = rules.young_is_held and not seen.is_old
    if is_under_way or (is_young and not has_ended):
        yield "finds no slot free", state.with_process(place, Process(process.run))
    else:
        yield "finds the slot free", state.with_process(place, process._replace(at="write slot"))


def _write_slot(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    if rules.compares and state.slot.generation != process.seen.generation:
        yield "is refused the slot", state.with_process(place, Process(process.run))
        return
    is_own = rules.never_lowers and state.slot.run == process.run
    attempt = max(process.attempt, state.slot.attempt) if is_own else process.attempt
    slot = Slot(state.slot.generation + 1, process.run, attempt, is_old=False)
    taken = process._replace(at="take lease", seen=Slot())
    yield "takes the slot", state._replace(slot=slot).with_process(place, taken)


def _take_lease(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    if run.attempt != process.attempt - 1:
        yield "is refused the lease", state.with_process(place, process._replace(at="done"))
        return
    is_fresh = process.is_fresh if rules.counts_from_slot else True
    taken = state.with_run(process.run, Run(process.attempt))
    yield "takes the lease", taken.with_process(place, process._replace(at="work", is_fresh=is_fresh))


def _work(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    """End the attempt, in time or late, or, when the time has run out, see whether it may go on."""
    if not process.is_fresh:
        going_on = process._replace(at="keep slot" if rules.late_keeps else "renew", is_fresh=True)
        yield "has to renew", state.with_process(place, going_on)
    if run.attempt != process.attempt or run.end:
        return
    for end in ("final", "open"):
        ended = state.with_run(process.run, run._replace(end=end))
        yield f"ends its attempt: {end}", ended.with_process(place, process._replace(at="done"))
    if state.boundaries:
        waiting = state._replace(boundaries=state.boundaries - 1).with_run(process.run, run._replace(end="continuing"))
        yield "ends continuing", waiting.with_process(place, Process(process.run))


def _keep_slot(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    if state.slot.run != process.run:
        yield "finds its slot taken", state.with_process(place, process._replace(at="done"))
    else:
        following = "write kept" if process.at == "keep slot" else "write moved"
        yield "reads its slot", state.with_process(place, process._replace(at=following, seen=state.slot))


def _write_kept(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    if rules.compares and state.slot.generation != process.seen.generation:
        yield "is refused its slot", state.with_process(place, process._replace(at="done"))
        return
    wanted = process.attempt + (process.at == "write moved")
    attempt = max(wanted, state.slot.attempt) if rules.never_lowers else wanted
    slot = Slot(state.slot.generation + 1, process.run, attempt, is_old=False)
    following = "move" if process.at == "write moved" else "renew"
    kept = process._replace(at=following, seen=Slot())
    yield "takes its slot again", state._replace(slot=slot).with_process(place, kept)


def _renew(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    if run.attempt != process.attempt:
        yield "is refused its lease", state.with_process(place, process._replace(at="done"))
        return
    if run.end:
        following = "keep moved" if rules.moving_keeps else "move"
        yield "renews, and finds its attempt sealed", state.with_process(place, process._replace(at=following))
        return
    renewed = state.with_run(process.run, run._replace(is_late=False))
    yield "renews", renewed.with_process(place, process._replace(at="work"))


def _move(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    """Move to the next attempt by a lease write, since somebody sealed this one."""
    if run.attempt != process.attempt or run.end != "open":
        yield "is refused its lease", state.with_process(place, process._replace(at="done"))
        return
    moved = state.with_run(process.run, Run(process.attempt + 1))
    yield "moves", moved.with_process(place, process._replace(at="work", attempt=process.attempt + 1))


def _done(state: State, place: int, process: Process, run: Run, rules: Rules) -> Iterator[Step]:
    yield from ()


OPERATIONS = {
    "read run": _read_run,
    "read slot": _read_slot,
    "read other": _read_other,
    "write slot": _write_slot,
    "take lease": _take_lease,
    "work": _work,
    "keep slot": _keep_slot,
    "write kept": _write_kept,
    "renew": _renew,
    "keep moved": _keep_slot,
    "write moved": _write_kept,
    "move": _move,
    "done": _done,
}


def explore(
    runs_of_processes: tuple[int, ...], *, boundaries: int = 0, writes: int = 4, rules: Rules = ALL_RULES
) -> tuple[int, str]:
    """Visit all that can be reached by processes for these runs; return how many states, and the way to a violation.

    `writes` bounds those of the slot: a process that is refused begins anew, and would so for ever."""
    processes = tuple(Process(run) for run in runs_of_processes)
    first = State(Slot(), tuple(Run() for _ in range(max(runs_of_processes) + 1)), processes, boundaries)
    came_from: dict[State, tuple[State, str] | None] = {first: None}
    level = [first]
    while level:
        following: list[State] = []
        for state in level:
            for label, after in steps_of(state, rules):
                if after in came_from or after.slot.generation > writes:
                    continue
                came_from[after] = (state, label)
                following.append(after)
                if wrong := too_many(after):
                    return len(came_from), "\n".join([*_trace(came_from, after), wrong])
        level = following
    return len(came_from), ""


def _trace(came_from: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    labels: list[str] = []
    while (before := came_from[state]) is not None:
        state, label = before
        labels.append(label)
    return labels[::-1]
