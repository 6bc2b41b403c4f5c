"""docs/service.md: each row of "What happens when" is held by tests, which this table names."""

import inspect
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pplns.engine.bounds import GRACE_SECONDS
from pplns.settings import Settings
from pplns.state.lease import CONTINUING_SECONDS

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "service.md").read_text(encoding="utf-8")

JOURNEYS = "journeys/test_service_"
PROOFS: Mapping[str, tuple[str, ...]] = {
    "the container is killed in mid-run": (
        f"{JOURNEYS}outages.py::test_killed_on_cloud_storage",
        f"{JOURNEYS}long_runs.py::test_a_chain_of_continuations_never_forks",
        "crash/test_sigkill.py::test_the_command_is_killed_and_goes_on",
    ),
    "a trigger is delivered twice, after the run": (
        "http/test_http_triggers.py::test_a_message_is_one_run_however_often_it_is_delivered",
        "http/test_http_triggers.py::test_a_schedule_is_one_run_however_often_it_comes",
    ),
    "… and while the run goes on": (
        "http/test_http_triggers.py::test_a_push_to_a_run_that_goes_on_is_delivered_again",
        "http/test_http_triggers.py::test_a_schedule_that_comes_again_while_its_run_goes_on_is_handed_over",
    ),
    "the first delivery takes longer than the caller waits": (
        f"{JOURNEYS}long_runs.py::test_a_delivery_slower_than_its_deadline_and_its_duplicate",
    ),
    "the same key comes with other parameters": (
        "http/test_http_runs.py::test_a_key_with_other_parameters_is_refused",
    ),
    "a schedule is forced by hand": (
        f"{JOURNEYS}deliveries.py::test_a_forced_schedule_leaves_the_scheduled_run_to_its_time",
    ),
    "a message can never become a run": (
        f"{JOURNEYS}deliveries.py::test_a_poison_message_ends_in_the_dead_letters",
        "http/test_http_triggers.py::test_a_push_that_can_become_no_run_is_refused_without_a_dead_letter_topic",
    ),
    "a run fails for good": (
        f"{JOURNEYS}deliveries.py::test_a_poison_message_ends_in_the_dead_letters",
        "http/test_http_contract.py::test_a_failed_run_is_a_record_too",
        "engine/test_recovery.py::test_five_attempts_lost_without_a_commit_end_the_run",
        f"{JOURNEYS}deploys.py::test_a_changed_sink_that_is_committed_is_not_repeated",
        "http/test_http_runs.py::test_a_failed_run_is_resumed",
    ),
    "a step fails and a later attempt may help": (
        f"{JOURNEYS}deliveries.py::test_a_message_that_fails_again_and_again_ends_in_the_emulator_s_dead_letters",
        "http/test_http_triggers.py::test_a_failure_that_a_later_attempt_may_mend_is_no_dead_letter",
    ),
    "the store is down": (f"{JOURNEYS}outages.py::test_the_store_is_away_for_a_while",),
    "publishing a continuation fails": (
        "engine/test_budgets.py::test_publishing_is_tried_until_the_margin_is_spent",
        f"{JOURNEYS}outages.py::test_a_topic_that_is_away_when_the_time_is_over",
    ),
    "a continuation is delivered twice": (
        "http/test_http_triggers.py::test_a_continuation_that_comes_twice_is_taken_once",
    ),
    "the process dies between publishing and recording": (
        f"{JOURNEYS}long_runs.py::test_a_chain_of_continuations_never_forks",
    ),
    "a continuation gets lost": (
        "engine/test_budgets.py::test_a_continuation_that_never_came_is_lost",
        "http/test_http_missed.py::test_a_continuation_that_never_came_is_published_again",
    ),
    "the service is deployed anew, or scaled in": (
        f"{JOURNEYS}deploys.py::test_sigterm_and_the_redelivery",
        f"{JOURNEYS}deploys.py::test_sigterm_in_a_step_that_does_not_end",
        f"{JOURNEYS}deploys.py::test_a_schedule_that_meets_sigterm_is_handed_over",
    ),
    "the code changed while a run was under way": (
        f"{JOURNEYS}deploys.py::test_a_changed_step_runs_again_after_a_deploy",
        f"{JOURNEYS}deploys.py::test_a_changed_sink_that_is_committed_is_not_repeated",
    ),
    "more runs than `max_concurrent_runs` are due": (
        f"{JOURNEYS}deliveries.py::test_one_slot_over_two_processes",
        "http/test_http_triggers.py::test_a_schedule_without_a_slot_is_handed_over",
    ),
    "a single step is longer than the budget": (f"{JOURNEYS}long_runs.py::test_a_step_that_takes_three_budgets",),
    "the run is longer than its `timeout`": ("engine/test_budgets.py::test_the_timeout_holds_over_continuations",),
    "someone cancels it": ("http/test_http_runs.py::test_a_live_run_is_cancelled_by_its_holder",),
}


def test_each_row_has_its_tests():
    """A row that is added, or taken away, is noticed here."""
    table = PAGE.partition("## What happens when")[2].partition("\n## ")[0]

    assert re.findall(r"^\| \*\*(.+?)\*\*", table, re.MULTILINE) == list(PROOFS)


@pytest.mark.parametrize("proof", sorted({proof for proofs in PROOFS.values() for proof in proofs}))
def test_each_test_is_there(proof: str):
    """One that is renamed takes its place here along."""
    file, _, name = proof.partition("::")

    assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8")


def test_the_step_of_the_page_is_one():
    """Its code is read as Python reads it, and BigQuery's client takes what it gives."""
    bigquery = pytest.importorskip("google.cloud.bigquery", reason="the page's step loads into BigQuery")
    found = re.search(r"^   ```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    page: dict[str, Any] = {}

    exec(textwrap.dedent(found[1]), page)

    taken = inspect.signature(bigquery.Client.load_table_from_dataframe).parameters
    assert page["load_warehouse"].name == "load_warehouse"
    assert {"dataframe", "destination", "job_id"} <= set(taken)


def test_the_numbers_are_those_of_the_code():
    """The grace between SIGTERM and the end, the lease, the time after which a continuation is lost."""
    defaults = Settings(Path(), Path())
    assert (GRACE_SECONDS, CONTINUING_SECONDS, defaults.lease_seconds, defaults.margin_seconds) == (6, 1800, 30, 30)
    assert all(
        said in PAGE for said in ("after six seconds", "after 30 minutes", "lease lives (30 s)", "a margin of 30 s")
    )
