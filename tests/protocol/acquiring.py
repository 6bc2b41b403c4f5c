"""How a process of the model comes to a run: `acquire_lease` of state/lease.py and state/cancel.py, step by step.

A lease may be found expired at any moment, since safety never rests on it. Finding it alive changes nothing, so only
the canceller has a branch for that."""

from collections.abc import Iterator

from protocol.rules import Rules
from protocol.state import DONE, End, Process, Store

Step = tuple[str, Store, Process]


def begin(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Start as a delivery, a person or a canceller, and read the lease."""
    starts = [("delivery", store)]
    if store.left.reopens:
        starts.append(("person", store.spend("reopens")))
    if store.left.cancels:
        starts.append(("canceller", store.spend("cancels")))
    for role, after in starts:
        yield from read_lease(after, Process(role=role, code=store.code), rules)
    for number in sorted(store.messages):
        yield from read_lease(store, Process(role="continuation", continues=number, code=store.code), rules)


def read_lease(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Read the lease; where there is none, the first attempt may be taken."""
    following = "read end" if store.attempt else "take"
    seen = process._replace(attempt=store.attempt, generation=store.generation, asked=store.asked, at=following)
    yield f"{process.role} reads the lease", store, seen
    yield from _turn_to_handing_over(store, process, "drains")


def read_end(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Read the end of the attempt in the lease."""
    end = store.end_of(process.attempt)
    if end is not None:
        yield f"reads the end of {process.attempt}", store, obey(end, process, rules)
        if end.state == "continuing" and store.left.waits:
            waited = obey(end, process._replace(waited=True), rules)
            yield f"finds that continuation {process.attempt} didn't come", store.spend("waits"), waited
    else:
        following = "read request before sealing" if rules.seals and rules.seals_before_taking else "take"
        yield f"finds no end of {process.attempt}", store, process._replace(at=following)
        yield from _turn_to_handing_over(store, process, "finds the lease alive")
        if process.role == "canceller":
            yield f"finds no end of {process.attempt}, and the lease alive", store, process._replace(at="read holder")


def _turn_to_handing_over(store: Store, process: Process, reason: str) -> Iterator[Step]:
    """Give up beginning an attempt here, for a request that wouldn't come back: `hand_over_busy` of the engine."""
    if process.role == "delivery" and store.left.handovers:
        yield reason, store.spend("handovers"), Process(role="delivery", at="read busy lease")


def read_busy_lease(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Read the lease of a run that can't begin here."""
    following = "read busy end" if store.attempt else "publish busy"
    yield "reads the lease to hand over", store, process._replace(attempt=store.attempt, at=following)


def read_busy_end(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Leave a run that has ended, or waits for a continuation already; any other one is handed over."""
    end = store.end_of(process.attempt)
    is_left = end is not None and (end.is_final or end.state == "continuing")
    following = DONE if is_left else process._replace(at="publish busy")
    yield f"finds the end of {process.attempt}: {end.state if end else None}", store, following
    if end is not None and end.state == "continuing" and store.left.waits:
        waited = process._replace(at="publish busy")
        yield f"finds that continuation {process.attempt} didn't come", store.spend("waits"), waited


def publish_busy(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Publish the continuation of the attempt that was found, which may be under way, or long over."""
    after = store._replace(messages=store.messages | {process.attempt})
    yield f"hands the run over after {process.attempt}", after, DONE


def obey(end: End, process: Process, rules: Rules) -> Process:
    """Return what a process does that found the end of the attempt before its own."""
    if process.role == "person":
        return process._replace(at="take", asked=False)
    if end.is_final or not _may_pass(end, process, rules):
        return DONE
    return process._replace(at="read request before taking" if rules.cancels_follow_the_run else "take")


def _may_pass(end: End, process: Process, rules: Rules) -> bool:
    """Tell whether a process may go on with a run that waits for the continuation of the attempt it found."""
    if end.state != "continuing" or not rules.waits_for_its_continuation:
        return True
    return process.role == "canceller" or process.continues == process.attempt or process.waited


def read_request_before_sealing(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Look whether the attempt that is about to be sealed was asked to end."""
    outcome = "cancelled" if process.asked or process.attempt in store.cancels else "lost"
    yield f"reads the request to cancel {process.attempt}", store, process._replace(at="seal", outcome=outcome)


def seal(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Create the end of the attempt before, and obey the one that stands."""
    after, end = create_end(store, process.attempt, End(process.outcome), rules)
    yield f"seals {process.attempt} as {end.state}", after, obey(end, process._replace(outcome=""), rules)


def read_request_before_taking(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Look whether a request came after the attempt was sealed."""
    asked = process.asked or process.attempt in store.cancels
    yield f"reads the request to cancel {process.attempt} again", store, process._replace(at="take", asked=asked)


def take(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Write the lease against the generation that was read."""
    yield from _turn_to_handing_over(store, process, "finds no slot, or is refused the lease")
    if rules.swaps_compare and store.generation != process.generation:
        yield "is refused the lease", store, process._replace(at="read holder") if process.role == "canceller" else DONE
        return
    before = process.attempt
    holder = process._replace(attempt=before + 1, generation=store.generation + 1, at="plan")
    after = store._replace(attempt=holder.attempt, generation=holder.generation, asked=holder.asked)
    if process.role == "person":
        end = store.end_of(before) if before else None
        reopened = {before} if end is not None and end.is_final else set[int]()
        after = after._replace(reopened=after.reopened | reopened, accepted=frozenset())
    elif _is_beside_the_chain(store, process):
        after = after._replace(forks=after.forks | {holder.attempt})
    if before and not rules.seals_before_taking:
        holder = holder._replace(at="seal late")
    elif process.role == "canceller":
        holder = holder._replace(at="read request before end", outcome="cancelled")
    yield f"takes the lease for {holder.attempt}", after, holder


def _is_beside_the_chain(store: Store, process: Process) -> bool:
    end = store.end_of(process.attempt) if process.attempt else None
    if end is None or end.state != "continuing" or process.role == "canceller" or process.waited:
        return False
    return process.continues != process.attempt


def seal_late(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Seal the attempt before after the lease was written: the order that PROTOCOL.md forbids."""
    after, end = create_end(store, process.attempt - 1, End("lost"), rules)
    is_over = end.is_final and process.role != "person"
    yield f"seals {process.attempt - 1} as {end.state}, late", after, DONE if is_over else process._replace(at="plan")


def read_holder(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Read the lease again, to ask its holder."""
    yield "reads who holds the lease", store, process._replace(attempt=store.attempt, at="request")


def request(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Ask the holder of an attempt to end it."""
    after = store._replace(cancels=store.cancels | {process.attempt})
    if rules.cancels_follow_the_run:
        yield f"requests to cancel {process.attempt}", after, process._replace(at="check request")
    else:
        yield f"requests to cancel {process.attempt}", _accept(after, process.attempt), DONE


def check_request(store: Store, process: Process, rules: Rules) -> Iterator[Step]:
    """Promise the cancellation only if the attempt had no end yet; else begin again."""
    end = store.end_of(process.attempt)
    if end is None:
        yield f"promises to cancel {process.attempt}", _accept(store, process.attempt), DONE
    elif end.is_final:
        yield f"finds {process.attempt} ended", store, DONE
    else:
        again = Process(role="canceller", code=process.code, at="read lease")
        yield f"finds {process.attempt} {end.state} meanwhile", store, again


def create_end(store: Store, attempt: int, end: End, rules: Rules) -> tuple[Store, End]:
    """Create an end if absent; return the one that stands."""
    standing = store.end_of(attempt)
    if standing is not None and rules.ends_once:
        return store, standing
    return store.with_end(attempt, end), end


def _accept(store: Store, attempt: int) -> Store:
    return store._replace(accepted=store.accepted | {attempt})
