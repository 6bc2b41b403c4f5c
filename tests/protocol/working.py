"""What a holder of the model does: engine/executor.py, engine/plan.py and the ends of state/lease.py.

A step runs as soon as it may, which is no operation on the store and so no transition of its own: what matters is
between a step's return and its commit, and there the process may be paused or die."""

from collections.abc import Iterator

from protocol.acquiring import Step, create_end
from protocol.rules import Graph, Rules
from protocol.state import DONE, DURABLE, ON_STORE, RETURNED, UNKNOWN, WAITING, End, Process, Store

MADE_DURABLE = (DURABLE, ON_STORE)
UNSENT = -2  # the continuation that is published after the end


def plan(store: Store, process: Process, graph: Graph, rules: Rules) -> Iterator[Step]:
    """Read what is committed and plan; a delivery doesn't run a committed sink again because the code changed."""
    process = process._replace(
        redo=store.redos, counting=0 if store.redos == 0 else UNKNOWN, known=frozenset(key for key, _ in store.commits),
        steps=((WAITING, ()),) * len(graph.inputs), at="work",
    )  # fmt: skip
    process = adopt(store, process, graph)
    if process.role in ("delivery", "continuation") and _repeats_a_sink(process, graph, rules):
        yield "refuses changed code", store, _ending(process, "failed")
        return
    for ready in run_what_may(store, process, graph, rules):
        yield "plans", store, _forget(store, ready)
    if process.role == "delivery" and store.left.boundaries and any(phase == WAITING for phase, _ in process.steps):
        yield "is told to end, and begins no step", store.spend("boundaries"), _continuing(process, rules)


def adopt(store: Store, process: Process, graph: Graph) -> Process:
    """Take over the commits that a plan may reuse; versions after a redone root are known once it is durable."""
    for step in range(len(graph.inputs)):
        key = process.key_of(step)
        if process.phase(step) != WAITING or key[2] == UNKNOWN or key not in process.known:
            continue
        value = store.commit_of(key)
        assert value is not None, "what is known was committed"
        process = process.with_step(step, ON_STORE, value)
        if step == 0:
            process = process._replace(counting=redo_that_counts(store, process))
    return process


def redo_that_counts(store: Store, process: Process) -> int:
    """Return the oldest redo of the root with the value of the present one: what depends on it is reused."""
    counting, value = process.redo, process.value(0)
    while counting and store.commit_of((0, process.code, counting - 1)) == value:
        counting -= 1
    return counting


def run_what_may(store: Store, process: Process, graph: Graph, rules: Rules) -> Iterator[Process]:
    """Run steps until none may start; yield the process for each combination of what they may return."""
    step = next((one for one in range(len(graph.inputs)) if _may_start(process, one, graph, rules)), None)
    if step is None:
        yield process
        return
    for source in graph.inputs[step]:
        if process.phase(source) == ON_STORE:
            if process.key_of(source) in store.damaged:
                yield process._replace(at="redo")
                return
            process = process.with_step(source, DURABLE, process.value(source))
    for number in (0, 1) if step in graph.varying else (0,):
        value = (number, *(process.value(source) for source in graph.inputs[step]))
        yield from run_what_may(store, process.with_step(step, RETURNED, value), graph, rules)


def _may_start(process: Process, step: int, graph: Graph, rules: Rules) -> bool:
    if process.phase(step) != WAITING or process.key_of(step)[2] == UNKNOWN:
        return False
    if step in graph.sinks and rules.sinks_wait:
        return _is_grounded(process, step, graph)
    return all(_is_at_hand(process, source, graph) for source in graph.inputs[step])


def _is_grounded(process: Process, step: int, graph: Graph) -> bool:
    return all(process.phase(source) in MADE_DURABLE for source in graph.inputs[step])


def _is_at_hand(process: Process, step: int, graph: Graph) -> bool:
    """Tell whether a value may be used: write-behind is one deep."""
    return process.phase(step) in MADE_DURABLE or (
        process.phase(step) == RETURNED and _is_grounded(process, step, graph)
    )


def work(store: Store, process: Process, graph: Graph, rules: Rules) -> Iterator[Step]:
    """Commit what may be committed, renew the lease, give up, or go to the end: whatever comes first."""
    yield from _renew(store, process, rules)
    for step in range(len(graph.inputs)):
        if process.phase(step) == RETURNED and (_is_grounded(process, step, graph) or not rules.commits_in_order):
            yield from _commit(store, process, step, graph, rules)
    if all(phase in MADE_DURABLE for phase, _ in process.steps):
        yield "has every step durable", store, _ending(process, "succeeded")
    elif store.left.failures:
        for outcome in ("failed", "failed, retryable"):
            yield f"gives up: {outcome}", store.spend("failures"), _ending(process, outcome)


def _is_at_a_boundary(process: Process) -> bool:
    """Tell whether something is committed, something is left, and nothing is under way."""
    phases = [phase for phase, _ in process.steps]
    return RETURNED not in phases and WAITING in phases and any(phase in MADE_DURABLE for phase in phases)


def _continuing(process: Process, rules: Rules) -> Process:
    stopped = _ending(process, "continuing")
    return stopped._replace(at="publish") if rules.publishes_before_ending else stopped._replace(published=UNSENT)


def publish(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Publish the continuation; its answer may be lost, and the message be there all the same."""
    after = store._replace(messages=store.messages | {process.attempt})
    confirmed = process._replace(at="read request before end", published=process.attempt)
    yield f"publishes continuation {process.attempt}", after, confirmed
    if process.outcome == "continuing":
        doubtful = process._replace(at="read request before end", outcome="failed, retryable")
        yield f"publishes continuation {process.attempt} without an answer", after, doubtful
    yield "can't publish", store, process._replace(at="read request before end", outcome="failed, retryable")


def publish_late(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Publish the continuation after the end was recorded: the order that PROTOCOL.md forbids."""
    yield f"publishes continuation {process.attempt}", store._replace(messages=store.messages | {process.attempt}), DONE


def _renew(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """See at a renewal that the attempt was sealed, or asked to end; both stay, so looking and acting are one."""
    end = store.end_of(process.attempt)
    if process.asked or process.attempt in store.cancels:
        yield f"sees the request to cancel {process.attempt}", store, _ending(process, "cancelled")
    if end is None:
        return
    if end.state == "lost" or not rules.moves_past_lost_only:
        yield f"sees {process.attempt} sealed", store, _asked(store, process, rules)._replace(at="move")
    else:
        yield f"sees {process.attempt} ended", store, DONE


def _commit(store: Store, process: Process, step: int, graph: Graph, rules: Rules) -> Iterator[Step]:
    key, value = process.key_of(step), process.value(step)
    standing = store.commit_of(key)
    if standing is None or not rules.commits_once:
        store, standing, label = store.with_commit(key, value), value, f"commits step {step} with {value}"
    else:
        label = f"is refused the commit of step {step} with {value}: {standing} stands"
    if standing == value or not rules.takes_committed_value:
        process = process.with_step(step, DURABLE, value)
    else:
        process = discard(process.with_step(step, ON_STORE, standing), step, graph)
    process = _forget(store, process._replace(known=process.known | {key}))
    if step == 0:
        process = adopt(store, process._replace(counting=redo_that_counts(store, process)), graph)
    if store.left.boundaries and process.role != "canceller" and _is_at_a_boundary(process):
        yield f"{label}, and stops there", store.spend("boundaries"), _continuing(process, rules)
    for ready in run_what_may(store, process, graph, rules):
        yield label, store, ready


def discard(process: Process, step: int, graph: Graph) -> Process:
    """Forget everything started from a value that was refused."""
    for later in graph.descendants(step):
        if process.phase(later) == RETURNED:
            process = process.with_step(later, WAITING)
    return process


def redo(store: Store, process: Process, graph: Graph, rules: Rules) -> Iterator[Step]:
    """Record that the root has to run again, since its artifact is damaged, and plan anew."""
    number = process.redo + 1
    process = process._replace(
        redo=number, counting=UNKNOWN, steps=((WAITING, ()),) * len(graph.inputs), at="work"
    )  # fmt: skip
    for ready in run_what_may(store, adopt(store, process, graph), graph, rules):
        yield f"records redo {number} of step 0", store._replace(redos=max(store.redos, number)), ready


def move(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Take the next attempt in place of a sealed one, by a lease write; stop if it is refused."""
    if rules.swaps_compare and store.generation != process.generation:
        again = Process(role="canceller", code=process.code, at="read lease")
        yield "is refused the lease", store, again if process.role == "canceller" else DONE
        return
    moved = process._replace(attempt=process.attempt + 1, generation=store.generation + 1)
    after = store._replace(attempt=moved.attempt, generation=moved.generation, asked=moved.asked)
    following = "read request before end" if process.outcome else "work"
    yield f"moves to {moved.attempt}", after, moved._replace(at=following)


def read_request_before_end(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Look for a request before the end is written."""
    is_asked = process.asked or process.attempt in store.cancels
    outcome = "cancelled" if is_asked else _outcome(process, rules)
    yield f"reads the request to cancel {process.attempt}", store, process._replace(at="end", outcome=outcome)


def end(store: Store, process: Process, graph: Graph, rules: Rules) -> Iterator[Step]:
    """Create the end of the attempt; where it was sealed meanwhile, go on to end the next one."""
    returned = graph.sinks if process.outcome == "succeeded" else ()
    made = End(process.outcome, tuple((process.key_of(sink), process.value(sink)) for sink in returned))
    after, standing = create_end(store, process.attempt, made, rules)
    if process.published == UNSENT and standing == made:
        yield f"ends {process.attempt}: {standing.state}", after, process._replace(at="publish late")
    elif standing.state == "lost":
        yield f"finds {process.attempt} sealed", after, process._replace(at="read request before moving")
    else:
        yield f"ends {process.attempt}: {standing.state}", after, DONE


def _outcome(process: Process, rules: Rules) -> str:
    """Return what the attempt ends with; one that its message doesn't name isn't continued by it."""
    is_other = process.published not in (UNKNOWN, UNSENT, process.attempt)
    if process.outcome == "continuing" and is_other and rules.continues_its_own_attempt:
        return "failed, retryable"
    return process.outcome


def read_request_before_moving(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Look whether the attempt that was sealed was also asked to end."""
    yield f"reads the request to cancel {process.attempt}", store, _asked(store, process, rules)._replace(at="move")


def _asked(store: Store, process: Process, rules: Rules) -> Process:
    is_asked = process.asked or process.attempt in store.cancels
    return process._replace(asked=is_asked) if rules.cancels_follow_the_run else process


def _ending(process: Process, outcome: str) -> Process:
    """Return the process on its way to the end of its attempt, without what it needs no more."""
    steps = process.steps if outcome == "succeeded" else ()
    return process._replace(
        at="read request before end", outcome=outcome, steps=steps, known=frozenset(),
        counting=process.counting if steps else UNKNOWN, redo=process.redo if steps else 0,
    )  # fmt: skip


def _repeats_a_sink(process: Process, graph: Graph, rules: Rules) -> bool:
    """Tell whether a sink that is committed with other code, and not with this, would run again.

    One that is committed with this code follows an input that was made again and came out differently."""
    codes = {sink: {code for step, code, _ in process.known if step == sink} for sink in graph.sinks}
    runs = [one for one in graph.sinks if process.phase(one) == WAITING and process.counting != UNKNOWN]
    return any(codes[sink] and not (rules.knows_code_from_redos and process.code in codes[sink]) for sink in runs)


def _forget(store: Store, process: Process) -> Process:
    """Drop what was known of commits where no redo can make it count again."""
    may_redo = store.left.damages or store.damaged
    return process if may_redo else process._replace(known=frozenset())
