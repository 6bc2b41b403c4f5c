"""What type checkers see of pplns: this file is checked by mypy and pyright, never run.

`assert_type` holds each type; a line that must be an error carries the ignore of both checkers, and both are told to
report an ignore that nothing needs."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, assert_type

from pplns import PubSub, Resources, Retry, Schedule, current_run, logical_date, pipeline, step
from pplns.steps import Pipeline, Step


@step
def load(day: date, *, limit: int = 10) -> list[str]:
    return [day.isoformat()] * limit


@step(retry=Retry(attempts=3, delay="5s"), timeout="30m", wait_for_commit=True)
def clean(rows: list[str]) -> dict[str, int]:
    return {row: len(row) for row in rows}


@step(outputs=2)
def split(rows: list[str]) -> tuple[list[str], int]:
    return rows, len(rows)


@step(name="publish_sales")
def publish(table: dict[str, int], count: int) -> None: ...


@pipeline(
    triggers=[Schedule("0 6 * * *", timezone="America/New_York", name="us"), PubSub("orders", params={"limit": 1})],
    resources=Resources(cpu=2, memory="4Gi"),
    timeout=timedelta(minutes=30),
    max_concurrent_runs=1,
)
def daily_sales(day: date = logical_date(), limit: int = 10) -> int:
    rows = load(day, limit=limit)
    kept, count = split(rows)
    table = clean(kept)
    publish.after(table)(table, count)
    return count


@pipeline
def bare(region: str) -> dict[str, int]:
    return clean(load(date(2013, 1, 1)))


def signatures_are_kept() -> None:
    assert_type(load(date(2013, 1, 1)), list[str])
    assert_type(load(day=date(2013, 1, 1), limit=3), list[str])
    assert_type(clean(["a"]), dict[str, int])
    assert_type(publish({}, 1), None)
    assert_type(daily_sales(), int)
    assert_type(daily_sales(date(2013, 1, 1), limit=5), int)
    assert_type(bare("us"), dict[str, int])


def decorators_give_steps_and_pipelines() -> None:
    taken: Callable[[list[str]], dict[str, int]] = clean
    made: Step[[list[str]], dict[str, int]] = clean
    whole: Pipeline[[str], dict[str, int]] = bare
    assert_type(clean.name, str)
    assert_type(made(["a"]), dict[str, int])
    assert_type(whole.function("us"), dict[str, int])
    assert_type(taken(["a"]), dict[str, int])


def copies_for_one_use_keep_the_signature() -> None:
    assert_type(load.named("load_returns")(date(2013, 1, 1), limit=3), list[str])
    assert_type(load.after(1, "two")(date(2013, 1, 1)), list[str])
    assert_type(load.options(retry=Retry(attempts=5), timeout=60)(date(2013, 1, 1)), list[str])
    assert_type(load.named("other").after(1).options(wait_for_commit=True)(date(2013, 1, 1)), list[str])


def several_outputs_keep_their_types() -> None:
    rows, count = split(["a"])
    assert_type(rows, list[str])
    assert_type(count, int)


def values_are_typed() -> None:
    retry = Retry(attempts=3, delay=timedelta(seconds=5), factor=1.5, max_delay="5m", jitter=False)
    assert_type(retry, Retry)
    assert_type(retry.attempts, int)
    assert_type(Resources().memory, str)
    assert_type(Schedule("0 6 * * *").timezone, str)
    assert_type(PubSub("orders").filter, str | None)
    assert_type(logical_date(), Any)
    assert_type(current_run().run_id, str)


def misuses_are_errors() -> None:
    load("2013-01-01")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    load()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    load(date(2013, 1, 1), 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    load(date(2013, 1, 1), most=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    clean(load)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    clean(split(["a"]))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    load.named("other")(limit=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    daily_sales(limit="10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bare()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_options_are_errors() -> None:
    step(retry=3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    step(retries=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    pipeline(timeout=[])  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    pipeline(triggers=["0 6 * * *"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    load.options(name="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Retry(attempts="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Retry(tries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Resources(cpus=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Schedule()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Schedule("0 6 * * *").cron = "1 6 * * *"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
