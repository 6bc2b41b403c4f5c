"""One slot: runs are never under way side by side, whatever is paused or dies, and each rule is needed for that."""

from collections.abc import Callable

import pytest

from protocol.slots import Rules, explore

ALL_CASES = (((0, 1), 2, 4), ((0, 0, 1), 0, 2), ((0, 1), 2, 6), ((0, 0, 1), 0, 4), ((0, 0, 1), 1, 3))


def test_no_reachable_state_has_two_runs_in_one_slot(sample: Callable[..., int]) -> None:
    """Two runs, one of them with two deliveries at once, leases that run out anywhere, and continuations."""
    cases = ALL_CASES[: sample(full=len(ALL_CASES), ci=2)]

    for runs, boundaries, writes in cases:
        states, violation = explore(runs, boundaries=boundaries, writes=writes)
        print(f"{states:>9,} states: processes for runs {runs}, {boundaries} boundaries, {writes} writes of the slot")
        assert not violation, violation


@pytest.mark.parametrize("rule", Rules._fields)
def test_each_rule_of_slots_is_needed(rule: str) -> None:
    """Left out, two runs are found under way with one slot."""
    runs, boundaries = ((0, 1), 1) if rule == "continuation_writes" else ((0, 0, 1), 0)

    _, violation = explore(runs, boundaries=boundaries, rules=Rules(**{rule: False}))

    print(violation)
    assert "under way with one slot" in violation
