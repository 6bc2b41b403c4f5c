"""The real lease, ends, commits, redos and cancellations, interleaved an operation at a time by Hypothesis.

Processes stop before each operation on a memory store; the machine lets one of them go on, kills it, moves the clock,
resumes, cancels, or damages a commit. The invariants are those of the model."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pplns.stores import MemoryStore
from protocol.paced import PacedProcess
from protocol.real_run import HEAD, LEASE_SECONDS, RealRun, Wishes

AT_ONCE = 4
OPERATIONS_OF_A_NEWCOMER = 80


class OverwritingStore(MemoryStore):
    """A store that keeps no promise: what is created replaces what was there."""

    def create(self, name: str, data: bytes) -> bool:
        self.delete(name)
        return super().create(name, data)


class Machine(RuleBasedStateMachine):
    """Processes on one run."""

    make_store: Callable[..., MemoryStore] = MemoryStore

    def __init__(self) -> None:
        super().__init__()
        self.run: RealRun = RealRun(type(self).make_store(monotonic=lambda: self.run.seconds))
        self.run.prepare()
        self.processes: list[tuple[PacedProcess, Wishes]] = []
        self.seen: dict[str, bytes] = {}

    @precondition(lambda self: len(self.processes) < AT_ONCE)
    @rule(by_person=st.sampled_from([False, False, False, True]), renew=st.booleans())
    def start(self, by_person: bool, renew: bool) -> None:
        wishes = Wishes(renew=renew)
        work = self.run.work(by_person=by_person, wishes=wishes)
        self.processes.append((PacedProcess(work, self.run.store), wishes))

    @precondition(lambda self: len(self.processes) < AT_ONCE)
    @rule()
    def cancel(self) -> None:
        self.processes.append((PacedProcess(self.run.cancel, self.run.store), Wishes()))

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), operations=st.integers(1, 12))
    def go_on(self, data: st.DataObject, operations: int) -> None:
        place = data.draw(st.integers(0, len(self.processes) - 1))
        process, _ = self.processes[place]
        for _ in range(operations):
            process.go_on()
            self.check_records()
        if process.is_over:
            del self.processes[place]

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), renew=st.booleans(), fail=st.booleans())
    def wish(self, data: st.DataObject, renew: bool, fail: bool) -> None:
        _, wishes = data.draw(st.sampled_from(self.processes))
        wishes.renew, wishes.fail = renew, fail

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.processes.pop(data.draw(st.integers(0, len(self.processes) - 1)))[0].die()

    @rule(seconds=st.sampled_from([LEASE_SECONDS / 2, LEASE_SECONDS + 1, LEASE_SECONDS + 1, 10 * LEASE_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.run.seconds += seconds

    @rule(redo=st.integers(0, 2))
    def damage(self, redo: int) -> None:
        self.run.damaged.add(f"a@v{redo}")

    def check_records(self) -> None:
        """No record ever changes."""
        for folder in ("steps", "attempts", "redo"):
            for base in self.run.store.children(f"{HEAD.prefix}/{folder}/"):
                name = f"{HEAD.prefix}/{folder}/{base}"
                data = self.run.store.read(name) or b""
                assert self.seen.setdefault(name, data) == data, f"{name} was changed"

    @invariant()
    def results_and_effects_rest_on_commits(self) -> None:
        for version, root in self.run.effects:
            assert self.committed("a", version) == root, "the sink ran on a value that isn't committed"
        for base in self.run.store.children(f"{HEAD.prefix}/steps/"):
            step, _, version = base.removesuffix(".json").partition("@")
            if step == "b":
                assert self.committed("b", version)[0] == self.committed("a", version)
        for end in self.run.told:
            if end.state == "succeeded":
                assert end.result["b"] == self.committed("b", end.result["version"])

    @invariant()
    def a_run_has_one_outcome(self) -> None:
        lease = self.run.store.read_register(f"{HEAD.prefix}/lease.json")
        attempt = json.loads(lease.data)["attempt"] if lease else 0
        for number in range(1, attempt):
            end = self.run.end_of(number)
            assert end is not None, f"attempt {attempt} began while attempt {number} has no end"
            assert not end.final or number in self.run.reopened, f"attempt {number} {end.state}; then came another"

    @invariant()
    def a_promise_is_kept(self) -> None:
        for promised in self.run.promised:
            for number in range(promised + 1, promised + AT_ONCE * 4):
                end = self.run.end_of(number)
                assert end is None or not end.final or end.state == "cancelled", f"{promised} was to be cancelled"

    def teardown(self) -> None:
        """Whatever died: one more process that is alone brings the run to an end."""
        for process, _ in self.processes:
            process.die()
        self.run.seconds += 10 * LEASE_SECONDS
        self.run.told.clear()
        newcomer = PacedProcess(self.run.work(by_person=False, wishes=Wishes()), self.run.store)
        for _ in range(OPERATIONS_OF_A_NEWCOMER):
            newcomer.go_on()
        newcomer.die()
        assert [end.final for end in self.run.told] == [True], "a newcomer doesn't finish the run"

    def committed(self, step: str, version: str) -> Any:
        data = self.run.store.read(f"{HEAD.prefix}/steps/{step}@{version}.json")
        return None if data is None else json.loads(data)["values"][0]["inline"]


def test_no_interleaving_of_the_real_code_breaks_a_run(sample: Callable[..., int]) -> None:
    """Records never change, results are those of the commits, a run has one outcome, promises to cancel are kept."""
    examples = sample(full=5000, ci=400)

    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=60))


def test_the_machine_notices_a_store_that_overwrites() -> None:
    """So it would notice code that doesn't rest on create-if-absent."""

    class Broken(Machine):
        make_store = OverwritingStore

    briefly = settings(max_examples=2000, stateful_step_count=60, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Broken, settings=briefly)
