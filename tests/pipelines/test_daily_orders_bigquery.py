"""The daily orders on BigQuery: exactly once, whatever is lost, refused or killed on the way.

The stand-in keeps what matters of BigQuery: an id of a load is taken for good, a load changes its partition whole or
not at all, and an answer may be lost after the work was done."""

import io
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pyarrow.parquet as pq
import pytest

from daily_orders import bigquery as ours
from daily_orders.pipeline import TOTALS, daily_orders
from daily_orders.refusals import refusal_of
from pplns import RetryableError, TerminalError
from pplns.stores import Store
from pplns.testing import FailingStore, RunOutcome, run

with warnings.catch_warnings():  # google-api-core warns of a Python that is near its end of life
    warnings.simplefilter("ignore", FutureWarning)
    google_bigquery = pytest.importorskip("google.cloud.bigquery", reason="the example's own dependency")
    from google.api_core import exceptions

DAY = "2024-03-04"
TOTALS_TABLE = "acme-prod.shop.daily_totals"
Row = dict[str, Any]

SOLD = [
    {"line_id": "1-1", "order_id": "1", "sku": "TEA-01", "quantity": "2", "unit_price": "8.90"},
    {"line_id": "2-1", "order_id": "2", "sku": "POT-01", "quantity": "1", "unit_price": "34.50"},
]
PRODUCTS = [{"sku": "TEA-01", "category": "tea"}, {"sku": "POT-01", "category": "ware"}]


class FakeLoad:
    """A load, which ends when it is waited for."""

    def __init__(self, work: Callable[[], None], failure: str | None) -> None:
        self._work = work
        self._failure = failure
        self.is_done = False
        self.unreachable: list[Exception] = []  # answers to questions after it

    def done(self, *, reload: bool = True) -> bool:
        return self.is_done

    def result(self, **_: Any) -> "FakeLoad":
        if self.unreachable:
            raise self.unreachable.pop(0)
        if not self.is_done:
            self.is_done = True
            if self._failure is None:
                self._work()
        if self._failure is not None:
            raise error_of_load(self._failure)
        return self


class FakeBigQuery:
    """What the example asks of a `google.cloud.bigquery.Client`; tables are lists of rows."""

    project = "acme-prod"

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {
            "acme-prod.shop.orders": [{"day": DAY, **row} for row in SOLD],
            "acme-prod.shop.returns": [],
            "acme-prod.shop.products": PRODUCTS,
        }
        self.loads: dict[str, FakeLoad] = {}
        self.failures: list[str | None] = []  # of the loads to come, in their order
        self.lost_answers: list[Exception] = []  # to loads that were taken all the same
        self.refusals: list[Exception] = []  # of queries

    def query(self, sql: str, *, job_config: Any, **_: Any) -> "FakeBigQuery.Rows":
        if self.refusals:
            raise self.refusals.pop(0)
        (table,) = re.findall(r"FROM `([^`]+)`", sql)
        rows = self.tables[table]
        for parameter in job_config.query_parameters:
            rows = [row for row in rows if row[parameter.name] == f"{parameter.value}"]
        return self.Rows(rows)

    class Rows(list[Any]):
        def result(self, **_: Any) -> list[Any]:
            return self

    def get_table(self, name: str, **_: Any) -> None:
        if name not in self.tables:
            raise exceptions.NotFound(f"Not found: Table {name}")

    def create_table(self, table: Any, **_: Any) -> None:
        assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", "day")
        self.tables.setdefault(str(table), [])

    def load_table_from_file(
        self, file: io.BytesIO, partition: str, *, size: int, job_id: str, job_config: Any, **_: Any
    ) -> FakeLoad:
        if job_id in self.loads:
            raise exceptions.Conflict(f"Already Exists: Job acme-prod:US.{job_id}")
        rows = pq.read_table(io.BytesIO(file.read(size))).to_pylist()
        assert job_config.write_disposition == "WRITE_TRUNCATE"
        failure = self.failures.pop(0) if self.failures else None
        self.loads[job_id] = FakeLoad(lambda: self._replace(partition, rows), failure)
        if self.lost_answers:
            raise self.lost_answers.pop(0)
        return self.loads[job_id]

    def get_job(self, job_id: str, **_: Any) -> FakeLoad:
        if job_id not in self.loads:
            raise exceptions.NotFound(f"Not found: Job {job_id}")
        return self.loads[job_id]

    def _replace(self, partition: str, rows: list[Row]) -> None:
        name, _, day = partition.partition("$")
        assert {f"{row['day']:%Y%m%d}" for row in rows} <= {day}
        kept = [row for row in self.tables[name] if f"{row['day']:%Y%m%d}" != day]
        self.tables[name] = kept + rows


def error_of_load(reason: str) -> Exception:
    """The error that google-cloud-bigquery makes of a failed load's reason."""
    from google.cloud.bigquery.job.base import _error_result_to_exception

    return _error_result_to_exception({"reason": reason, "message": f"of {reason}"})


def error(status: int, reason: str | None = None, headers: Mapping[str, str] | None = None) -> Exception:
    """The error that google-cloud-bigquery makes of an HTTP answer."""
    import requests

    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    errors = [] if reason is None else [{"reason": reason}]
    return exceptions.from_http_status(status, "said so", errors=errors, response=response)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeBigQuery:
    """A stand-in for BigQuery in the place of the one function that makes clients."""
    fake = FakeBigQuery()
    monkeypatch.setattr("daily_orders.bigquery.make_client", lambda project, location: fake)
    return fake


@pytest.fixture
def store() -> FailingStore:
    """A memory store, of which a test can order that it fails."""
    return FailingStore()


def run_day(store: Store | None = None, run_id: str = "r") -> RunOutcome:
    """Run the day on BigQuery."""
    return run(daily_orders, {"day": DAY, "warehouse": "bigquery"}, store=store, run_id=run_id)


def totals(client: FakeBigQuery) -> list[tuple[str, int]]:
    """The categories of the day and what they brought, as the table has them."""
    rows = client.tables.get(TOTALS_TABLE, [])
    assert all(list(row) == list(TOTALS) and row["day"] == date(2024, 3, 4) for row in rows)
    return [(row["category"], row["net_cents"]) for row in rows]


ONCE = [("tea", 1780), ("ware", 3450)]


def test_a_day_is_read_summed_up_and_written(client: FakeBigQuery):
    """One load, whose id the run's record names; the table is made, partitioned by day."""
    done = run_day()

    assert done.state == "succeeded"
    assert totals(client) == ONCE
    assert list(client.loads) == [done.result["written"]["load"]]


def test_a_repeat_after_an_uncommitted_load_finds_it(client: FakeBigQuery, store: FailingStore):
    """The load was made and its checkpoint wasn't: resumed, the run joins the load and makes no second one."""
    store.fail("create", matching="steps/write_totals@")
    first = run_day(store)

    second = first.resume()

    assert (first.state, first.record.final, second.state) == ("failed", False, "succeeded")
    assert list(client.loads) == [second.result["written"]["load"]]
    assert totals(client) == ONCE


def test_a_late_repeat_does_not_undo_what_came_after_it(client: FakeBigQuery, store: FailingStore):
    """A run stops before its checkpoint, another run writes corrected figures; the first, resumed, writes nothing."""
    store.fail("create", matching="steps/write_totals@")
    first = run_day(store, "first")
    client.tables["acme-prod.shop.orders"].pop()
    run_day(store, "second")

    assert first.resume().state == "succeeded"
    assert totals(client) == ONCE[:1]
    assert len(client.loads) == 2


def test_two_runs_of_a_day_leave_it_once(client: FakeBigQuery, store: FailingStore):
    """Each run has keys of its own; the second takes the place of the first."""
    done = [run_day(store, run_id) for run_id in ("a", "b")]

    assert [one.state for one in done] == ["succeeded", "succeeded"]
    assert len(client.loads) == 2
    assert totals(client) == ONCE


def test_another_day_stays_as_it_is(client: FakeBigQuery):
    """Only the partition of the run's day is replaced."""
    other = dict.fromkeys(TOTALS, 0) | {"day": date(2024, 3, 3), "category": "tea"}
    client.tables[TOTALS_TABLE] = [other]

    run_day()

    assert client.tables[TOTALS_TABLE][0] == other
    assert len(client.tables[TOTALS_TABLE]) == 3


@pytest.mark.parametrize("lost", [error(503), error(500, "backendError"), ConnectionError("reset")])
def test_an_answer_that_was_lost_is_no_second_load(lost: Exception, client: FakeBigQuery):
    """BigQuery took the load and its answer never came: the next try is told 409, and waits for that load."""
    client.lost_answers = [lost]

    done = run_day()

    assert (done.state, done.step("write_totals").attempts) == ("succeeded", 2)
    assert len(client.loads) == 1
    assert totals(client) == ONCE


@pytest.mark.parametrize("trouble", [error(503), TimeoutError("200 s")])
def test_a_load_that_can_not_be_asked_for_is_not_taken_for_failed(
    trouble: Exception, client: FakeBigQuery, store: FailingStore
):
    """It may be at work still: the next try asks again, and no second load is made."""
    store.fail("create", matching="steps/write_totals@")
    first = run_day(store)
    (load,) = client.loads.values()
    load.is_done, load.unreachable = False, [trouble]

    second = first.resume()

    assert (second.state, second.step("write_totals").attempts) == ("succeeded", 2)
    assert list(client.loads.values()) == [load]
    assert totals(client) == ONCE


@pytest.mark.parametrize("reason", ["backendError", "jobBackendError", "rateLimitExceeded", "tableUnavailable"])
def test_a_load_that_failed_for_a_while_is_followed_by_the_next_number(reason: str, client: FakeBigQuery):
    """An id is spent even where its load failed, so the repeat takes another one, derived from the same key."""
    client.failures = [reason, reason]

    done = run_day()

    assert done.state == "succeeded"
    assert [load.rpartition("-")[2] for load in client.loads] == ["1", "2", "3"]
    assert len({load.rpartition("-")[0] for load in client.loads}) == 1
    assert totals(client) == ONCE


@pytest.mark.parametrize("reason", ["invalid", "accessDenied", "notFound"])
def test_a_load_that_can_not_succeed_is_tried_once(reason: str, client: FakeBigQuery):
    """The run fails for good and says what to do; once that is done a person's resume writes the day."""
    client.failures = [reason]

    done = run_day()

    assert (done.state, done.record.final, len(client.loads)) == ("failed", True, 1)
    assert done.error is not None
    assert done.error.code == "terminal"
    assert f"of {reason}" in done.error.message
    assert done.error.hint
    assert done.resume().state == "succeeded"
    assert totals(client) == ONCE


def test_queries_that_are_refused_for_a_while_are_repeated(client: FakeBigQuery):
    """The step's Retry takes care of it, and the run's record says how often."""
    client.refusals = [error(503), error(429), error(403, "rateLimitExceeded")]

    done = run_day()

    assert done.state == "succeeded"
    assert sum(step.attempts - 1 for step in done.record.steps) == 3


def test_a_table_that_is_not_there_ends_the_run_for_good(client: FakeBigQuery):
    """No try is wasted on what a retry can't help."""
    client.refusals = [error(404, "notFound")]

    done = run_day()

    assert (done.state, done.record.final) == ("failed", True)
    assert done.error is not None
    assert "refused to read the table 'acme-prod.shop." in done.error.message
    assert done.error.hint.startswith("Create the dataset and its tables")


def test_a_load_that_is_known_and_not_found_yet_is_asked_for_again(client: FakeBigQuery):
    """Right after its 409 BigQuery may answer 404 for the same id."""
    client.loads["pplns-k-1"] = FakeLoad(lambda: None, None)
    client.get_job = FakeBigQuery().get_job  # type: ignore[method-assign]
    warehouse = ours.BigQueryWarehouse(client, "shop", location="US")  # type: ignore[arg-type]

    with pytest.raises(RetryableError, match=r"The load 'pplns-k-1' exists and isn't found in the location 'US'"):
        warehouse.replace_day("daily_totals", empty_totals(), day=date(2024, 3, 4), key="k")


@pytest.mark.parametrize(
    ("met", "outcome", "remedy"),
    [
        (error(429), RetryableError, "Try again later"),
        (error(500), RetryableError, "Try again later"),
        (error(502), RetryableError, "Try again later"),
        (error(503, "backendError"), RetryableError, "Try again later"),
        (error(403, "rateLimitExceeded"), RetryableError, "Try again later"),
        (error(403, "quotaExceeded"), RetryableError, "Wait, or raise it"),
        (error(403, "accessDenied"), TerminalError, "bigquery.jobUser"),
        (error(403), TerminalError, "bigquery.jobUser"),
        (error(401), TerminalError, "gcloud auth application-default login"),
        (error(404, "notFound"), TerminalError, "Create the dataset"),
        (error(400, "invalid"), TerminalError, "schema"),
        (error_of_load("stopped"), TerminalError, "in the console"),
        (error_of_load("aReasonOfTomorrow"), TerminalError, "in the console"),
        (exceptions.RetryError("gave up", cause=error(503)), RetryableError, "Try again later"),
        (exceptions.RetryError("gave up", cause=error(404)), TerminalError, "Create the dataset"),
        (TimeoutError("60 s"), RetryableError, "found again by its id"),
        (ConnectionError("reset"), RetryableError, "found again by its id"),
    ],
    ids=str,
)
def test_an_error_says_whether_a_retry_helps(met: Exception, outcome: type[Exception], remedy: str):
    """By the reason that BigQuery gives, without one by the status; each says what to do."""
    refusal = refusal_of(met, what="write the table 'x'")

    assert type(refusal) is outcome
    assert "write the table 'x'" in refusal.met
    assert refusal.expected
    assert remedy in refusal.remedy


@pytest.mark.parametrize(
    ("met", "seconds"),
    [
        (error(429, headers={"Retry-After": "17"}), 17.0),
        (error(503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), None),
        (error(503), None),
        (error(403, "quotaExceeded"), 600.0),
    ],
)
def test_a_wait_that_is_asked_for_is_kept(met: Exception, seconds: float | None):
    """Retry-After in seconds is handed on to the step's Retry."""
    refusal = refusal_of(met, what="read")

    assert isinstance(refusal, RetryableError)
    assert refusal.retry_after == seconds


def test_credentials_that_are_missing_are_named():
    """On a laptop that isn't logged in the message says how to log in."""
    from google.auth.exceptions import DefaultCredentialsError, TransportError

    refusal = refusal_of(DefaultCredentialsError("none found"), what="make a client")

    assert isinstance(refusal, TerminalError)
    assert "gcloud auth application-default login" in refusal.remedy
    assert isinstance(refusal_of(TransportError("no route"), what="make a client"), RetryableError)


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """Nobody has to guess the name of the package."""
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", None)
    monkeypatch.delattr("google.cloud.bigquery", raising=False)

    with pytest.raises(TerminalError, match="pip install google-cloud-bigquery"):
        ours.make_client("acme-prod", "US")


def test_credentials_without_a_project_ask_for_one(monkeypatch: pytest.MonkeyPatch):
    """The library raises a plain OSError there; the message names the parameter."""

    def no_project(**_: Any) -> None:
        raise OSError("Project was not passed and could not be determined from the environment.")

    monkeypatch.setattr(google_bigquery, "Client", no_project)

    with pytest.raises(TerminalError, match=r"No project is given: .*Pass `-p project=PROJECT`\."):
        ours.make_client(None, "US")


def empty_totals() -> Any:
    """A table of totals without a row."""
    import pyarrow as pa

    return pa.schema(TOTALS).empty_table()
