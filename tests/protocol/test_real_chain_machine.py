"""The real code of leases, slots, ends and handing over, under requests that are interleaved an operation at a time.

Two runs share one slot. Requests stop at boundaries, publish, record and answer, and may die after each; messages come
again until they are answered, and as copies. The rules are those of the model."""

import functools
import json
from collections.abc import Callable
from typing import Any, ClassVar
from unittest import mock

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pplns.state import lease as lease_module
from pplns.state.ends import End
from pplns.state.lease import CONTINUING_SECONDS, Lease
from pplns.stores import MemoryStore
from protocol.paced import PacedProcess
from protocol.real_chain import RUN_IDS, STEPS, Chains, Request, head_of
from protocol.real_run import LEASE_SECONDS

AT_ONCE = 4
OPERATIONS_OF_A_REQUEST = 120
ROUNDS = 30
WAITS = [LEASE_SECONDS / 2, LEASE_SECONDS + 1, LEASE_SECONDS + 1, CONTINUING_SECONDS - 1, CONTINUING_SECONDS + 1]
MOSTLY = st.sampled_from([True, True, False])


class Machine(RuleBasedStateMachine):
    """Requests for two runs with one slot."""

    broken: ClassVar[dict[str, bool]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.chains: Chains = Chains(MemoryStore(monotonic=self.clock), **self.broken)
        self.processes: list[tuple[PacedProcess, Request | None]] = []
        self.seen: dict[str, bytes] = {}
        self.clocked = mock.patch.object(lease_module, "Lease", functools.partial(Lease, monotonic=self.clock))
        self.clocked.start()

    def clock(self) -> float:
        return self.chains.seconds

    def start(self, request: Request) -> PacedProcess:
        process = PacedProcess(self.chains.work(request), self.chains.store)
        self.processes.append((process, request))
        return process

    @precondition(lambda self: len(self.processes) < AT_ONCE)
    @rule(
        run_id=st.sampled_from(RUN_IDS),
        role=st.sampled_from(["push", "push", "scheduled", "person"]),
        fits=st.integers(0, len(STEPS)),
        publishes=MOSTLY,
        renews=st.booleans(),
    )
    def come(self, **what: Any) -> None:
        self.start(Request(**what))

    @precondition(lambda self: self.chains.messages and len(self.processes) < AT_ONCE)
    @rule(data=st.data(), fits=st.integers(0, len(STEPS)), publishes=MOSTLY)
    def deliver(self, data: st.DataObject, fits: int, publishes: bool) -> None:
        number = data.draw(st.integers(0, len(self.chains.messages) - 1))
        run_id, _ = self.chains.messages[number]
        self.start(Request(run_id, "message", fits, publishes, message=number))

    @precondition(lambda self: len(self.processes) < AT_ONCE)
    @rule(run_id=st.sampled_from(RUN_IDS))
    def cancel(self, run_id: str) -> None:
        self.processes.append((PacedProcess(self.chains.cancel(run_id), self.chains.store), None))

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), operations=st.sampled_from([1, 2, 3, 5, 8, 13, 40, 40]))
    def go_on(self, data: st.DataObject, operations: int) -> None:
        place = data.draw(st.integers(0, len(self.processes) - 1))
        process, _ = self.processes[place]
        for _ in range(operations):
            process.go_on()
            self.check()
            if process.is_over:
                del self.processes[place]
                break

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.processes.pop(data.draw(st.integers(0, len(self.processes) - 1)))[0].die()

    @rule(seconds=st.sampled_from(WAITS))
    def wait(self, seconds: float) -> None:
        self.chains.seconds += seconds
        self.chains.note_age()

    def check(self) -> None:
        """No record ever changes, no chain forks, and one slot is one run."""
        self.chains.note_age()
        for run_id in RUN_IDS:
            for folder in ("steps", "attempts"):
                for base in self.chains.store.children(f"{head_of(run_id).prefix}/{folder}/"):
                    name = f"{head_of(run_id).prefix}/{folder}/{base}"
                    data = self.chains.store.read(name) or b""
                    assert self.seen.setdefault(name, data) == data, f"{name} was changed"
        assert not self.chains.forks, self.chains.forks
        working = {request.run_id for _, request in self.processes if request and self.is_at_work(request)}
        assert len(working) <= 1, f"{working} are under way with one slot"

    def is_at_work(self, request: Request) -> bool:
        lease = request.lease
        if lease is None or self.clock() - lease._acknowledged >= LEASE_SECONDS:
            return False
        is_its_own = lease.attempt == self.attempt_of(request.run_id)
        return is_its_own and self.chains.end_of(request.run_id, lease.attempt) is None

    def attempt_of(self, run_id: str) -> int:
        register = self.chains.store.read_register(f"{head_of(run_id).prefix}/lease.json")
        return int(json.loads(register.data)["attempt"]) if register else 0

    def ends_of(self, run_id: str) -> list[End | None]:
        return [self.chains.end_of(run_id, number) for number in range(1, self.attempt_of(run_id) + 1)]

    @invariant()
    def a_run_has_one_outcome(self) -> None:
        for run_id in RUN_IDS:
            for end in self.ends_of(run_id)[:-1]:
                assert end is not None, f"an attempt of {run_id} began before the end of the one before"
                assert not end.final or run_id in self.chains.reopened, f"{run_id} {end.state}; then came another"

    @invariant()
    def an_end_has_its_message(self) -> None:
        for run_id in RUN_IDS:
            for number, end in enumerate(self.ends_of(run_id), 1):
                if end is not None and end.state == "continuing":
                    assert end.message_id == f"{run_id} {number}"
                    assert self.chains.loses_messages or (run_id, number) in self.chains.messages

    def teardown(self) -> None:
        """Whatever died: what comes again brings each run to its end, and nothing that was answered is forgotten."""
        try:
            for process, _ in self.processes:
                process.die()
            self.processes.clear()
            expected = self.chains.asked - self.chains.reopened
            self.come_again()
            for run_id in expected:
                ends = self.ends_of(run_id)
                assert ends, f"{run_id} is forgotten"
                assert ends[-1] is not None, f"{run_id} is forgotten"
                assert ends[-1].final, f"{run_id} is forgotten, {ends[-1].state}"
        finally:
            self.clocked.stop()

    def come_again(self) -> None:
        """Deliver what isn't answered, with room for all steps, until all is."""
        for _ in range(ROUNDS):
            self.chains.seconds += LEASE_SECONDS + 1
            for which in sorted(self.chains.unanswered, key=str):
                if isinstance(which, int):
                    self.finish(Request(self.chains.messages[which][0], "message", message=which))
                else:
                    self.finish(Request(which, "push"))
        assert not self.chains.unanswered, f"{self.chains.unanswered} come again for ever"

    def finish(self, request: Request) -> None:
        process = self.start(request)
        for _ in range(OPERATIONS_OF_A_REQUEST):
            process.go_on()
        assert process.is_over
        self.check()
        self.processes.clear()


def test_no_interleaving_of_requests_forks_or_forgets_a_run(sample: Callable[..., int]) -> None:
    """Chains don't fork, one slot is one run, and what was answered is brought to its end by what comes again."""
    examples = sample(full=5000, ci=150)

    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=60))


@pytest.mark.parametrize(
    ("breaks", "shown"), [("goes_on_with_any", "went on after"), ("loses_messages", "forgotten|come again for ever")]
)
def test_the_machine_notices_what_breaks_a_chain(breaks: str, shown: str) -> None:
    """A delivery that goes on beside the chain, and a topic that confirms what it doesn't send."""

    class Broken(Machine):
        broken: ClassVar[dict[str, bool]] = {breaks: True}

    briefly = settings(max_examples=2000, stateful_step_count=60, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError, match=shown):
        run_state_machine_as_test(Broken, settings=briefly)
