"""What must hold in every reachable state. Each function returns what is wrong with a store, or None."""

from collections.abc import Callable

from protocol.rules import Scenario
from protocol.state import DONE, RETURNED, CommitKey, Left, Process, Store, Value
from protocol.transitions import steps_of

Invariant = Callable[[Store, Scenario], str | None]
ALONE_AT_MOST = 60  # operations in which a process that is alone finishes any run of a few steps


def a_result_is_that_of_the_commits(store: Store, scenario: Scenario) -> str | None:
    """A success returns what is committed."""
    for attempt, end in enumerate(store.ends, 1):
        for key, value in end.result if end else ():
            if store.commit_of(key) != value:
                return f"attempt {attempt} returned {value} for step {key[0]}; committed is {store.commit_of(key)}"
    return None


def a_commit_rests_on_commits(store: Store, scenario: Scenario) -> str | None:
    """A committed value derives from the committed values of what it consumed."""
    for key, value in store.commits:
        wrong = _ungrounded(store, key, value, scenario)
        if wrong:
            return f"step {key[0]} is committed with {value}, {wrong}"
    return None


def a_run_has_one_outcome(store: Store, scenario: Scenario) -> str | None:
    """Whoever was told how the run ended is told the same for ever, unless a person resumed it in between."""
    told: dict[int, tuple[int, object]] = {}
    for attempt, end in enumerate(store.ends, 1):
        if end is None or not end.is_final:
            continue
        era = sum(1 for one in store.reopened if one < attempt)
        first, outcome = told.setdefault(era, (attempt, end))
        if outcome != end:
            return f"attempt {first} ended {outcome}, and attempt {attempt} {end}"
    return None


def an_attempt_follows_the_end_of_the_one_before(store: Store, scenario: Scenario) -> str | None:
    """Attempt n+1 begins only once attempt n has an end, and after a final one only if a person resumed the run."""
    for attempt in range(1, store.attempt):
        end = store.end_of(attempt)
        if end is None:
            return f"attempt {store.attempt} began while attempt {attempt} has no end"
        if end.is_final and attempt not in store.reopened:
            return f"attempt {attempt + 1} began although attempt {attempt} {end.state}"
    return None


def a_run_fails_for_a_reason(store: Store, scenario: Scenario) -> str | None:
    """Where nothing can fail and no code changes, no attempt fails for good: damage is made good."""
    if scenario.failures or scenario.deploys:
        return None
    failed = next((attempt for attempt, end in enumerate(store.ends, 1) if end and end.state == "failed"), None)
    return f"attempt {failed} failed for good, though nothing did and no code changed" if failed else None


def a_promised_cancellation_is_kept(store: Store, scenario: Scenario) -> str | None:
    """A run that was promised to be cancelled in attempt n ends no later attempt in another way."""
    for asked in store.accepted:
        for attempt, end in enumerate(store.ends, 1):
            if attempt > asked and end and end.is_final and end.state != "cancelled":
                return f"attempt {asked} was promised to be cancelled, and attempt {attempt} {end.state}"
    return None


def a_chain_never_forks(store: Store, scenario: Scenario) -> str | None:
    """While a run waits for its continuation, only that begins the next attempt: no second chain goes on beside it."""
    return f"attempts {sorted(store.forks)} were begun beside the chain" if store.forks else None


def a_newcomer_finishes_the_run(store: Store, scenario: Scenario) -> str | None:
    """Whatever died, one more process that is alone brings the run to an end: a delivery, or the awaited message."""
    now, process = store._replace(left=Left()), Process(role="delivery", code=store.code, at="read lease")
    for _ in range(ALONE_AT_MOST):
        if process == DONE:
            end = now.end_of(now.attempt)
            if end is not None and end.is_final:
                return None
            if end is None or end.state != "continuing" or now.attempt not in now.messages:
                return f"a newcomer leaves the run with {end}"
            process = Process(role="continuation", continues=now.attempt, code=store.code, at="read lease")
        _, now, process = next(steps_of(now, process, scenario))
    return f"a newcomer goes on for ever, at {process}"


CONSEQUENCES: tuple[Invariant, ...] = (
    a_result_is_that_of_the_commits,
    a_commit_rests_on_commits,
    a_run_has_one_outcome,
    a_run_fails_for_a_reason,
    a_promised_cancellation_is_kept,
    a_chain_never_forks,
    a_newcomer_finishes_the_run,
)
INVARIANTS: tuple[Invariant, ...] = (*CONSEQUENCES, an_attempt_follows_the_end_of_the_one_before)


def changed_record(before: Store, after: Store) -> str | None:
    """Return which commit or end was changed by a transition: none ever may be."""
    if after.ends[: len(before.ends)] != before.ends:
        pairs = zip(before.ends, after.ends, strict=False)
        changed = next(((one, other) for one, other in pairs if one is not None and one != other), None)
        if changed:
            return f"the end {changed[0]} was changed to {changed[1]}"
    lost = before.commits - after.commits
    return f"the commits {sorted(lost)} were changed" if lost else None


def unfounded_effect(store: Store, process: Process, scenario: Scenario) -> str | None:
    """Return which sink ran on a value that isn't committed: its effect outside would rest on what a crash changes."""
    for sink in scenario.graph.sinks:
        if process.steps and process.phase(sink) == RETURNED:
            wrong = _ungrounded(store, process.key_of(sink), process.value(sink), scenario)
            if wrong:
                return f"sink {sink} ran and made {process.value(sink)}, {wrong}"
    return None


def _ungrounded(store: Store, key: CommitKey, value: Value, scenario: Scenario) -> str | None:
    step, code, redo = key
    for source, consumed in zip(scenario.graph.inputs[step], value[1:], strict=True):
        standing = store.commit_of((source, code, redo))
        if standing != consumed:
            return f"of {consumed} from step {source}; committed is {standing}"
    return None
