"""The protocol holds in every state that can be reached, and each of its rules is needed for that."""

from collections import Counter
from collections.abc import Callable

import pytest

from protocol.explorer import explore
from protocol.invariants import (
    CONSEQUENCES,
    Invariant,
    a_chain_never_forks,
    a_commit_rests_on_commits,
    a_newcomer_finishes_the_run,
    a_promised_cancellation_is_kept,
    a_result_is_that_of_the_commits,
    a_run_fails_for_a_reason,
    a_run_has_one_outcome,
)
from protocol.rules import JOIN, PAIR, SINGLE, Rules, Scenario
from protocol.scenarios import REST, SAMPLE
from protocol.transitions import ACQUIRING, WORKING


def test_no_reachable_state_breaks_a_run(sample: Callable[..., int]) -> None:
    """Whatever crashes or pauses wherever: commits stand, a run has one outcome, and a newcomer can finish it."""
    scenarios = (SAMPLE + REST)[: sample(full=len(SAMPLE + REST), ci=len(SAMPLE))]

    states = 0
    for scenario in scenarios:
        explored = explore(scenario)
        print(explored)
        assert explored.violation is None, str(explored)
        states += explored.states
    print(f"{states:>9,} states in {len(scenarios)} scenarios")


def test_every_operation_is_explored() -> None:
    """No part of the model stands idle: each operation happens, but for those that only a forbidden order has."""
    scenarios = (
        Scenario(PAIR, 2, crashes=1, cancels=1, reopens=1),
        Scenario(PAIR, 2, damages=1),
        Scenario(PAIR, 2, boundaries=1),
        Scenario(PAIR, 2, handovers=1),
    )

    happened = sum((explore(scenario).happened for scenario in scenarios), Counter[str]())

    assert {*ACQUIRING, *WORKING} - happened.keys() == {"seal late", "publish late"}


WITHOUT: list[tuple[str, Rules, Scenario, Invariant, tuple[str, ...]]] = [
    (
        "commits 2: the refused one takes the committed value", Rules(takes_committed_value=False),
        Scenario(SINGLE, 2), a_result_is_that_of_the_commits, ("returned", "committed is"),
    ),
    (
        "leases 3: attempt n+1 follows the end of n", Rules(seals=False),
        Scenario(SINGLE, 3, failures=1), a_run_has_one_outcome, ("succeeded", "failed"),
    ),
    (
        "leases 3: the end of n precedes the lease write", Rules(seals_before_taking=False),
        Scenario(SINGLE, 3, failures=1), a_run_has_one_outcome, ("succeeded", "failed"),
    ),
    (
        "leases 4: a holder moves past a lost attempt only",
        Rules(moves_past_lost_only=False, cancels_follow_the_run=False),
        Scenario(SINGLE, 3, cancels=1), a_run_has_one_outcome, ("cancelled", "succeeded"),
    ),
    (
        "leases 8: a late request counts in the next attempt", Rules(cancels_follow_the_run=False),
        Scenario(SINGLE, 3, cancels=1), a_promised_cancellation_is_kept, ("promised", "succeeded"),
    ),
    (
        "budgets 3: only its continuation follows a continuing end", Rules(waits_for_its_continuation=False),
        Scenario(PAIR, 2, boundaries=1), a_chain_never_forks, ("beside the chain",),
    ),
    (
        "budgets 3: the message is published before the end", Rules(publishes_before_ending=False),
        Scenario(PAIR, 2, boundaries=1), a_newcomer_finishes_the_run, ("newcomer", "continuing"),
    ),
    (
        "budgets 3: a holder that had to move on ends otherwise", Rules(continues_its_own_attempt=False),
        Scenario(PAIR, 2, boundaries=1), a_newcomer_finishes_the_run, ("newcomer", "continuing"),
    ),
    (
        "commits 3: commits in the order of the data", Rules(commits_in_order=False),
        Scenario(JOIN, 2), a_commit_rests_on_commits, ("step 1 is committed", "committed is None"),
    ),
    (
        "commits 3: a sink starts on durable ground", Rules(sinks_wait=False),
        Scenario(PAIR, 2), a_run_has_one_outcome, ("sink 1 ran",),
    ),
    (
        "versions: an input that was made again is no changed code", Rules(knows_code_from_redos=False),
        Scenario(PAIR, 2, crashes=1, damages=1), a_run_fails_for_a_reason, ("failed for good",),
    ),
    (
        "the lease is swapped against the generation read", Rules(swaps_compare=False),
        Scenario(SINGLE, 3, failures=1), a_newcomer_finishes_the_run, ("newcomer",),
    ),
    (
        "a commit is created if absent", Rules(commits_once=False),
        Scenario(SINGLE, 2), a_run_has_one_outcome, ("the commits", "changed"),
    ),
    (
        "an end is created if absent", Rules(ends_once=False),
        Scenario(SINGLE, 2), a_run_has_one_outcome, ("the end", "changed"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "scenario", "invariant", "shown"), [row[1:] for row in WITHOUT], ids=[row[0] for row in WITHOUT]
)
def test_each_rule_is_needed(rules: Rules, scenario: Scenario, invariant: Invariant, shown: tuple[str, ...]) -> None:
    """Left out, the explorer finds what it is there for, and by the shortest way; with it, it finds nothing."""
    without = Scenario(
        scenario.graph, scenario.processes, failures=scenario.failures, cancels=scenario.cancels,
        boundaries=scenario.boundaries, damages=scenario.damages, crashes=scenario.crashes, rules=rules,
    )  # fmt: skip

    found = explore(without, invariants=[invariant]).violation

    print(found)
    assert found is not None
    assert all(word in found.what for word in shown), found.what
    assert explore(scenario, invariants=CONSEQUENCES).violation is None
